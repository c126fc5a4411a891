/** Randomness for keys, nonces and object names. */
export interface Random {
  bytes(length: number): Buffer;
}
