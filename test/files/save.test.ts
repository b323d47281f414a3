import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { fileBody } from '../../src/files/body-file.ts';
import { checkSavePath, type SaveOptions, saveTo as saveConcealed } from '../../src/files/save.ts';
import { createConcealer } from '../../src/secrets/concealer.ts';
import { temporaryFolder } from './folders.ts';

const url = new URL('https://app.example.com/file');
const within = (...roots: string[]) => ({ roots, offLimits: [] });

const saveTo = (body: AsyncIterable<Uint8Array>, options: SaveOptions) =>
  saveConcealed(createConcealer([]).body(Readable.from(body)), options);

function folders() {
  const base = temporaryFolder();
  const root = path.join(base, 'root');
  const outside = path.join(base, 'outside');
  mkdirSync(root);
  mkdirSync(outside);
  return { base, root, outside };
}
async function* chunks(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

const mebibyte = 1024 * 1024;

/** Blocks of a mebibyte, each with its number. */
async function* large(blocks: number) {
  for (let number = 0; number < blocks; number += 1) {
    const block = Buffer.alloc(mebibyte);
    block.writeUInt32LE(number);
    yield block;
  }
}

describe('saving', () => {
  test('writes the file, and says its size and SHA-256', async () => {
    const { root } = folders();
    const saved = await saveTo(chunks('ab', 'c'), { path: 'new/deep/x.bin', ...within(root), url });
    expect(saved).toEqual({
      path: path.join(root, 'new/deep/x.bin'),
      bytes: 3,
      sha256: createHash('sha256').update('abc').digest('hex'),
    });
    expect(readFileSync(saved.path, 'utf8')).toBe('abc');
    expect(readdirSync(path.dirname(saved.path))).toEqual(['x.bin']);
  });
  test('says the SHA-256 of a large file too, which a thread makes', async () => {
    const { root } = folders();
    const saved = await saveTo(large(40), { path: 'large', ...within(root), url });
    const content = readFileSync(saved.path);
    expect(saved).toMatchObject({
      bytes: 40 * mebibyte,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    expect(content.readUInt32LE(39 * mebibyte)).toBe(39);
  });
  test.runIf(process.platform === 'linux')(
    'is refused at once where nothing can be made, though the folder is there',
    async () => {
      const options = { path: '/proc/new/deep/x', roots: ['/'], offLimits: [], url };
      await expect(saveTo(chunks('a'), options)).rejects.toMatchObject({ code: 'save_refused' });
    },
  );
  test('takes an absolute path in any root, and an empty body', async () => {
    const { root, outside } = folders();
    expect(
      await saveTo(chunks(), { path: path.join(outside, 'e'), ...within(root, outside), url }),
    ).toMatchObject({ bytes: 0 });
  });

  const attacks: Record<string, (at: ReturnType<typeof folders>) => string> = {
    'a path with ..': () => '../outside/x',
    'a path that only seems to come back': () => 'a/../../outside/x',
    'a path with .. that stays inside': () => 'a/../x',
    'an absolute path elsewhere': ({ outside }) => path.join(outside, 'x'),
    'a root’s name as a prefix': ({ root }) => `${root}-other/x`,
    'a folder that is a link out': ({ root, outside }) => {
      symlinkSync(outside, path.join(root, 'out'));
      return 'out/x';
    },
    'a new folder behind a link out': ({ root, outside }) => {
      symlinkSync(outside, path.join(root, 'out'));
      return 'out/new/x';
    },
    'a dangling link': ({ root, outside }) => {
      symlinkSync(path.join(outside, 'x'), path.join(root, 'dangling'));
      return 'dangling';
    },
    'a file in a folder’s place': ({ root }) => {
      writeFileSync(path.join(root, 'f'), '');
      return 'f/x';
    },
    'the root itself': ({ root }) => root,
    'a name that ends in a slash': () => 'x/',
    'a name with NUL': () => 'a\0b',
    nothing: () => '',
  };
  for (const [name, prepare] of Object.entries(attacks)) {
    test(`refuses ${name}`, async () => {
      const at = folders();
      const file = prepare(at);
      await expect(
        saveTo(chunks('x'), { path: file, ...within(at.root), url }),
      ).rejects.toMatchObject({ code: 'save_refused' });
      await expect(
        checkSavePath({ path: file, ...within(at.root) }).then((given) =>
          saveTo(chunks('x'), { path: given, ...within(at.root), url }),
        ),
      ).rejects.toMatchObject({ code: 'save_refused' });
      expect(readdirSync(at.outside)).toEqual([]);
    });
  }

  test('never replaces a file, not even one that appears while it writes', async () => {
    const { root } = folders();
    const file = path.join(root, 'x');
    async function* late() {
      yield Buffer.from('new');
      writeFileSync(file, 'theirs');
    }
    await expect(saveTo(late(), { path: 'x', ...within(root), url })).rejects.toMatchObject({
      code: 'save_refused',
    });
    await expect(saveTo(chunks('new'), { path: 'x', ...within(root), url })).rejects.toMatchObject({
      code: 'save_refused',
    });
    expect(readFileSync(file, 'utf8')).toBe('theirs');
    expect(readdirSync(root)).toEqual(['x']);
  });

  test('of two at once for one name, one wins whole', async () => {
    const { root } = folders();
    const results = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((word) =>
        saveTo(chunks(word, word), { path: 'same', ...within(root), url }),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(readFileSync(path.join(root, 'same'), 'utf8')).toMatch(/^(aa|bb|cc|dd)$/);
    expect(readdirSync(root)).toEqual(['same']);
  });

  test('a folder that became a link while it was made is seen', async () => {
    const { root, outside } = folders();
    mkdirSync(path.join(root, 'd'));
    const saving = checkSavePath({ path: 'd/x', ...within(root) });
    await saving;
    rmSync(path.join(root, 'd'), { recursive: true });
    symlinkSync(outside, path.join(root, 'd'));
    await expect(saveTo(chunks('x'), { path: 'd/x', ...within(root), url })).rejects.toMatchObject({
      code: 'save_refused',
    });
    expect(readdirSync(outside)).toEqual([]);
  });

  test('a folder that becomes a link while it writes gets nothing', async () => {
    const { base, root, outside } = folders();
    mkdirSync(path.join(root, 'd'));
    async function* swaps() {
      yield Buffer.from('new');
      renameSync(path.join(root, 'd'), path.join(base, 'moved'));
      symlinkSync(outside, path.join(root, 'd'));
    }
    await expect(saveTo(swaps(), { path: 'd/x', ...within(root), url })).rejects.toMatchObject({
      code: 'save_refused',
    });
    expect(readdirSync(outside)).toEqual([]);
  });

  test('leaves nothing behind when the body breaks, is too large or is cancelled', async () => {
    const { root } = folders();
    async function* broken() {
      yield Buffer.from('x');
      throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    }
    await expect(saveTo(broken(), { path: 'new/x', ...within(root), url })).rejects.toMatchObject({
      code: 'network_error',
    });
    await expect(
      saveTo(chunks('xxxx'), { path: 'new/x', ...within(root), url, maxBytes: 3 }),
    ).rejects.toMatchObject({ code: 'response_too_large' });
    await expect(
      saveTo(chunks('xxxx'), { path: 'new/x', ...within(root), url, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(readdirSync(root)).toEqual([]);
  });

  test('says how far it is', async () => {
    const { root } = folders();
    const seen: number[] = [];
    async function* slow() {
      for (let at = 0; at < 3; at += 1) {
        await new Promise((resolve) => setTimeout(resolve, 210));
        yield Buffer.from('xx');
      }
    }
    await saveTo(slow(), {
      path: 'x',
      ...within(root),
      url,
      onProgress: (bytes) => seen.push(bytes),
    });
    expect(seen).toEqual([2, 4, 6]);
  });
});

describe('a body from a file', () => {
  const content = async (body: Awaited<ReturnType<typeof fileBody>>) => {
    const opened = await body.open();
    return opened instanceof Uint8Array
      ? Buffer.from(opened).toString()
      : (await buffer(opened as Readable)).toString();
  };
  test('is sent anew each time, with its length known', async () => {
    const { root } = folders();
    writeFileSync(path.join(root, 'up.txt'), 'hello');
    const body = await fileBody('up.txt', within(root));
    expect([body.bytes, await content(body), await content(body)]).toEqual([5, 'hello', 'hello']);
    writeFileSync(path.join(root, 'empty'), '');
    expect(await content(await fileBody('empty', within(root)))).toBe('');
  });
  test('is not taken from outside, through a link, or from what is no file', async () => {
    const { root, outside } = folders();
    writeFileSync(path.join(outside, 'secret'), 's');
    symlinkSync(path.join(outside, 'secret'), path.join(root, 'link'));
    for (const name of [
      'link',
      '../outside/secret',
      path.join(outside, 'secret'),
      '.',
      'missing',
      '/dev/zero',
      '',
    ]) {
      await expect(fileBody(name, within(root))).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });
  test('is refused when the file changed meanwhile', async () => {
    const { root, outside } = folders();
    const file = path.join(root, 'f');
    writeFileSync(file, 'one');
    const body = await fileBody('f', within(root));
    writeFileSync(file, 'longer');
    await expect(body.open()).rejects.toMatchObject({ code: 'invalid_input' });
    const again = await fileBody('f', within(root));
    rmSync(file);
    writeFileSync(path.join(outside, 'secret'), 'longer');
    symlinkSync(path.join(outside, 'secret'), file);
    await expect(again.open()).rejects.toMatchObject({ code: 'invalid_input' });
    expect(existsSync(file)).toBe(true);
    rmSync(file);
    linkSync(path.join(outside, 'secret'), file);
    await expect(again.open()).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
