/**
 * Gives the memory of a buffer back now instead of at some collection. Nobody may use the buffer any
 * more, above all no read or write of a file that is still under way.
 */
export function discard(bytes: Uint8Array): void {
  const { buffer } = bytes;
  // A small one lies in memory it shares with others.
  const whole = bytes.byteLength === buffer.byteLength;
  if (whole && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
