export interface Member {
  readonly name: string;
  readonly type?: string;
  readonly mode?: number;
  readonly content?: Buffer;
}

/** A ustar archive as the server writes it: header, content, padding; two zero blocks at the end. */
export function tar(
  members: readonly Member[],
  options: { readonly terminated?: boolean } = {},
): Buffer {
  const parts = members.flatMap((member) => {
    const { content = Buffer.alloc(0) } = member;
    return [header(member), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(options.terminated === false ? 0 : 1024)]);
}

export function header({ name, type = '0', mode = 0o600, content }: Member): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 'utf8');
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  const size = content?.length ?? 0;
  block.write(`${size.toString(8).padStart(11, '0')} `, 124);
  block.write('00000000000 ', 136);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  return sealed(block);
}

/** With its checksum made right. */
export function sealed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
