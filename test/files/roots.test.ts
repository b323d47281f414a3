/** What is off limits inside the roots: neither read nor written, by no name that the disk knows it by. */
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
import { describe, expect, test } from 'vitest';
import { fileBody } from '../../src/files/body-file.ts';
import { isAtOrBelow, type Places } from '../../src/files/roots.ts';
import { checkSavePath, type SaveOptions, saveTo as saveConcealed } from '../../src/files/save.ts';
import { createConcealer } from '../../src/secrets/concealer.ts';
import { temporaryFolder } from './folders.ts';

const url = new URL('https://app.example.com/file');
const why = 'it is where this server keeps its sessions';

/** A home folder as root, with the data folder in it, and a file of secrets. */
function home({ made = true } = {}) {
  const root = temporaryFolder();
  const data = path.join(root, 'share', 'ours');
  const session = path.join(data, 'sessions', 'a.json');
  const secret = path.join(root, 'secret.txt');
  writeFileSync(secret, 'secret');
  writeFileSync(path.join(root, 'mine.txt'), 'mine');
  if (made) {
    mkdirSync(path.dirname(session), { recursive: true });
    writeFileSync(session, 'a session');
  }
  const places: Places = {
    roots: [root],
    offLimits: [
      { path: data, what: 'where this server keeps its sessions' },
      { path: secret, what: 'where a service token is kept' },
    ],
  };
  return { root, data, session, secret, places };
}
type Home = ReturnType<typeof home>;

const saveTo = (body: AsyncIterable<Uint8Array>, options: SaveOptions) =>
  saveConcealed(createConcealer([]).body(Readable.from(body)), options);

async function* planted() {
  yield Buffer.from('planted');
}
const save = (name: string, places: Places) => saveTo(planted(), { path: name, ...places, url });
const tree = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

describe('a body from a file', () => {
  const attacks: Record<string, (at: Home) => string> = {
    'a session': () => 'share/ours/sessions/a.json',
    'a session by its absolute path': ({ session }) => session,
    'a session behind a link to the data folder': ({ root, data }) => {
      symlinkSync(data, path.join(root, 'link'));
      return 'link/sessions/a.json';
    },
    'a link to a session': ({ root, session }) => {
      symlinkSync(session, path.join(root, 'link'));
      return 'link';
    },
    'a session that is not there': () => 'share/ours/sessions/b.json',
    'the file of secrets': () => 'secret.txt',
    'a link to the file of secrets': ({ root, secret }) => {
      symlinkSync(secret, path.join(root, 'link'));
      return 'link';
    },
    'a second name of the file of secrets (a hard link)': ({ root, secret }) => {
      linkSync(secret, path.join(root, 'second'));
      return 'second';
    },
    'what a link in the data folder’s place leads to': ({ root, data }) => {
      renameSync(data, path.join(root, 'elsewhere'));
      symlinkSync(path.join(root, 'elsewhere'), data);
      return 'elsewhere/sessions/a.json';
    },
  };
  test.each(Object.entries(attacks))('is never %s', async (_, prepare) => {
    const at = home();
    const error = await fileBody(prepare(at), at.places).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'invalid_input' });
    expect(error.message).toMatch(/: it is where (this server keeps its sessions|a service token)/);
    expect(error.nextStep).toEqual([{ do: 'choose_file', to: 'send', need: 'right_place' }]);
  });

  test('is any other file of the same folders', async () => {
    const { places, root } = home();
    expect((await fileBody('mine.txt', places)).bytes).toBe(4);
    mkdirSync(path.join(root, 'share', 'ours-too'));
    writeFileSync(path.join(root, 'share', 'ours-too', 'x'), '12345');
    expect((await fileBody('share/ours-too/x', places)).bytes).toBe(5);
  });

  test('is not sent when its folder has become a link to the sessions since', async () => {
    const { root, data, session, places } = home();
    mkdirSync(path.join(root, 'd'));
    writeFileSync(path.join(root, 'd', 'a.json'), 'mine');
    const body = await fileBody('d/a.json', places);
    // The same file, so that nothing but the way to it tells them apart.
    renameSync(path.join(root, 'd', 'a.json'), session);
    rmSync(path.join(root, 'd'), { recursive: true });
    symlinkSync(path.join(data, 'sessions'), path.join(root, 'd'));
    await expect(body.open()).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('is nothing at all where the root lies in the data folder', async () => {
    const { data, places } = home();
    const roots = [path.join(data, 'sessions')];
    await expect(fileBody('a.json', { ...places, roots })).rejects.toThrow(why);
  });
});

describe('saving', () => {
  const attacks: Record<string, (at: Home) => string> = {
    'among the sessions': () => 'share/ours/sessions/b.json',
    'in a new folder of the data folder': () => 'share/ours/new/b.json',
    'behind a link to the data folder': ({ root, data }) => {
      mkdirSync(data, { recursive: true });
      symlinkSync(data, path.join(root, 'link'));
      return 'link/new/b.json';
    },
    'where a link in the data folder’s place leads to': ({ root, data }) => {
      rmSync(data, { recursive: true, force: true });
      mkdirSync(path.dirname(data), { recursive: true });
      symlinkSync('../elsewhere', data);
      return path.join(root, 'elsewhere', 'sessions', 'b.json');
    },
    'in the place of the file of secrets': ({ secret }) => {
      rmSync(secret);
      return 'secret.txt';
    },
  };
  for (const made of [true, false]) {
    const when = made ? 'that is there' : 'that is still to be made';
    test.each(Object.entries(attacks))(
      `never writes %s, with a data folder ${when}`,
      async (_, prepare) => {
        const at = home({ made });
        const name = prepare(at);
        const before = tree(at.root);
        const refusal = {
          code: 'save_refused',
          message: expect.stringContaining(': it is where '),
        };
        await expect(checkSavePath({ path: name, ...at.places })).rejects.toMatchObject(refusal);
        await expect(save(name, at.places)).rejects.toMatchObject(refusal);
        expect(tree(at.root)).toEqual(before);
        expect(existsSync(at.session)).toBe(made && existsSync(at.data));
      },
    );
  }

  test('writes anywhere else in the same folders', async () => {
    const { root, places } = home({ made: false });
    await save('share/mine/x', places);
    expect(readFileSync(path.join(root, 'share/mine/x'), 'utf8')).toBe('planted');
  });
});

test('a folder is known by its number too, so that another spelling of its name is no way in', async () => {
  const { root, data } = home();
  // Stands for another spelling where case is ignored: a name of which only the disk says that it is the data folder.
  symlinkSync(data, path.join(root, 'share', 'OURS'));
  expect(await isAtOrBelow(path.join(root, 'share/OURS/new/b.json'), data)).toBe(true);
  expect(await isAtOrBelow(path.join(root, 'share/else/b.json'), data)).toBe(false);
});
