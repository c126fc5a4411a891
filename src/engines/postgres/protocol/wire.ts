/**
 * Frontend/backend protocol 3.0, the parts a backup client speaks
 * (PostgreSQL documentation, "Message Formats").
 *
 *   startup:     Int32 length ‖ Int32 code ‖ body          (no type byte)
 *   afterwards:  Byte1 type ‖ Int32 length ‖ body          (length counts itself, not the type)
 */
export const BACKEND = {
  Authentication: 0x52, // R
  BackendKeyData: 0x4b, // K
  CommandComplete: 0x43, // C
  CopyBothResponse: 0x57, // W
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyInResponse: 0x47, // G
  CopyOutResponse: 0x48, // H
  DataRow: 0x44, // D
  EmptyQueryResponse: 0x49, // I
  ErrorResponse: 0x45, // E
  NegotiateProtocolVersion: 0x76, // v
  NoticeResponse: 0x4e, // N
  NotificationResponse: 0x41, // A
  ParameterStatus: 0x53, // S
  ReadyForQuery: 0x5a, // Z
  RowDescription: 0x54, // T
} as const;

/** The first Int32 of an Authentication message. */
export const AUTHENTICATION = {
  Ok: 0,
  CleartextPassword: 3,
  MD5Password: 5,
  SASL: 10,
  SASLContinue: 11,
  SASLFinal: 12,
} as const;

const PROTOCOL_VERSION = 196608; // 3.0
const SSL_REQUEST_CODE = 80877103;
const CANCEL_REQUEST_CODE = 80877102;

function untyped(code: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

function typed(type: string, body: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  return untyped(PROTOCOL_VERSION, Buffer.from(`${pairs.join('')}\0`));
}

export const sslRequest = (): Buffer => untyped(SSL_REQUEST_CODE, new Uint8Array());

/** `keyData` is the body of BackendKeyData: process id and secret. */
export const cancelRequest = (keyData: Uint8Array): Buffer => untyped(CANCEL_REQUEST_CODE, keyData);

export const query = (sql: string): Buffer => typed('Q', Buffer.from(`${sql}\0`));
export const password = (text: string): Buffer => typed('p', Buffer.from(`${text}\0`));
export const saslResponse = (data: string): Buffer => typed('p', Buffer.from(data));
export const copyData = (payload: Uint8Array): Buffer => typed('d', payload);
export const copyDone = (): Buffer => typed('c');
export const copyFail = (reason: string): Buffer => typed('f', Buffer.from(`${reason}\0`));
export const terminate = (): Buffer => typed('X');

export function saslInitialResponse(mechanism: string, data: string): Buffer {
  const body = Buffer.from(data);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length, 0);
  return typed('p', Buffer.concat([Buffer.from(`${mechanism}\0`), length, body]));
}
