/** One JSON document, one line; LSNs and other big integers as decimal strings. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
  return `${text}\n`;
}
