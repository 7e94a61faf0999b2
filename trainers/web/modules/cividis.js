// @ts-check
/** The colour scale of gates: cividis, whose lightness rises evenly for readers with any colour vision. */

const ANCHORS = [
  [0, 34, 78],
  [26, 56, 111],
  [67, 78, 108],
  [97, 101, 111],
  [125, 124, 120],
  [155, 148, 118],
  [188, 174, 108],
  [222, 201, 88],
  [254, 232, 56],
];

/** The scale as a background of CSS, from 0 on the left to 1 on the right. */
export const gradient = `linear-gradient(to right, ${ANCHORS.map((colour) => `rgb(${colour})`).join(", ")})`;

/**
 * Pixels by a cell's byte, as canvases have them (RGBA in memory); 255, no number, is transparent.
 * @returns {Uint32Array}
 */
export function pixelsByByte() {
  const pixels = new Uint32Array(256);
  for (let byte = 0; byte < 255; byte += 1) {
    const place = (byte / 254) * (ANCHORS.length - 1);
    const below = Math.min(Math.floor(place), ANCHORS.length - 2);
    const [red, green, blue] = ANCHORS[below].map((from, channel) =>
      Math.round(from + (ANCHORS[below + 1][channel] - from) * (place - below)),
    );
    pixels[byte] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  return pixels;
}
