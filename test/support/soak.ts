/** Set by `npm run test:soak`: every version, and the large numbers. */
export const soaking = process.env.HOLDFAST_SOAK === '1';

/** How much a test does: `many` in the soak run, `few` in every other. */
export function soak<T>(many: T, few: T): T {
  return soaking ? many : few;
}
