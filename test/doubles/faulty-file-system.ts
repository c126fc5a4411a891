import fs from 'node:fs';
import type { FileSystem } from '../../src/host/file-system.ts';

/** One awaited call: `open`, `link`, `unlink`, `readdir`…, or of a handle: `handle.sync`, `handle.write`… */
export interface FileCall {
  /** 1 for the first call after the double was made. */
  readonly number: number;
  readonly name: string;
  /** The file of the call (of a handle: the file it was opened on). */
  readonly path: string;
}

/** Returns the error the call fails with, and whether it takes effect first. */
export type FaultPlan = (call: FileCall) => { error: Error; effect: 'none' | 'full' } | undefined;

export function errnoError(code: string): Error {
  return Object.assign(new Error(`${code}: injected fault`), { code });
}

/** Fails the nth call of this name. */
export function failNth(name: string, nth: number, code: string): FaultPlan {
  let seen = 0;
  return (call) => {
    if (call.name !== name) return undefined;
    seen += 1;
    return seen === nth ? { error: errnoError(code), effect: 'none' } : undefined;
  };
}

/** kill -9 at the nth call, before or after its effect: nothing works from then on. */
export function killAt(nth: number, effect: 'none' | 'full'): FaultPlan {
  return ({ number }) => {
    if (number < nth) return undefined;
    const error = new Error('killed');
    return { error, effect: number === nth ? effect : 'none' };
  };
}

export interface FaultyFileSystem {
  readonly fs: FileSystem;
  readonly calls: FileCall[];
}

/** The real file system, with every call of `fs.promises` and its handles counted and failed by plan. */
export function faultyFileSystem(
  plan: FaultPlan = () => undefined,
  /** Called after every call that took effect. */
  observe: (call: FileCall) => Promise<void> = async () => undefined,
): FaultyFileSystem {
  const calls: FileCall[] = [];
  const run = async (name: string, path: string, act: () => unknown): Promise<unknown> => {
    const call = { number: calls.length + 1, name, path };
    calls.push(call);
    const fault = plan(call);
    if (fault === undefined) {
      const result = await act();
      await observe(call);
      return result;
    }
    // A failed close(2) releases the descriptor all the same.
    if (fault.effect === 'full' || name === 'handle.close') {
      const lost = await act();
      await observe(call);
      if (name === 'open') await (lost as { close(): Promise<void> }).close();
    }
    throw fault.error;
  };
  const wrap = <T extends object>(target: T, prefix: string, path: string | undefined): T =>
    new Proxy(target, {
      get(_, property) {
        const member = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return async (...parameters: unknown[]) => {
          const where = path ?? String(parameters[0]);
          const name = prefix + String(property);
          const act = () => Reflect.apply(member, target, parameters);
          const result = await run(name, where, act);
          const isHandle = name === 'open' && typeof result === 'object' && result !== null;
          return isHandle ? wrap(result, 'handle.', where) : result;
        };
      },
    });
  return { fs: { ...fs, promises: wrap(fs.promises, '', undefined) }, calls };
}
