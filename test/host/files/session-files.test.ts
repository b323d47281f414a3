import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createClock } from '../../../src/host/clock.ts';
import { openRecordStore } from '../../../src/host/files/session-files.ts';
import type { Checkpoint } from '../../../src/host/files/write-private-file.ts';
import type { RecordStore } from '../../../src/session/ports.ts';
import { recordingLog } from '../log.ts';
import { bundleProgram } from '../processes.ts';
import { sampleSession } from '../sample-records.ts';

const root = mkdtempSync(join(tmpdir(), 'session-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const asRoot = process.geteuid?.() === 0;
const key = 'https://app.example.com';
const fileName = `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`;

let dataDir: string;
let counter = 0;
beforeEach(() => {
  counter += 1;
  dataDir = join(root, `data-${counter}`);
});

function open(checkpoint?: Checkpoint): RecordStore & { entries: { message: string }[] } {
  const { log, entries } = recordingLog();
  const store = openRecordStore({
    dataDir,
    log,
    clock: createClock(),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  });
  return { ...store, entries };
}

const folder = (): string => join(dataDir, 'sessions');
const file = (): string => join(folder(), fileName);
const mode = (path: string): number => statSync(path).mode & 0o777;

async function written(): Promise<void> {
  await open().write('session', key, sampleSession(key));
}

describe('what is kept', () => {
  test('touches nothing before its first use, and nothing when it only reads', async () => {
    const store = open();
    expect(existsSync(dataDir)).toBe(false);
    expect(await store.read('session', key)).toBeUndefined();
    expect(await store.list('session')).toEqual([]);
    await store.remove('session', key);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('another store reads what one wrote, by kind and key', async () => {
    const store = open();
    await store.write('session', key, sampleSession(key));
    const other = open();
    expect(await other.read('session', key)).toEqual(sampleSession(key));
    expect(await other.read('session', `${key}/other`)).toBeUndefined();
    expect(await other.read('pending', key)).toBeUndefined();
    expect(other.memoryOnly()).toBeUndefined();
  });

  test('lists and removes', async () => {
    const store = open();
    const second = 'https://two.example.com';
    await store.write('session', key, sampleSession(key));
    await store.write('session', second, sampleSession(second));
    expect((await store.list('session')).map(({ resource }) => resource).sort()).toEqual([
      key,
      second,
    ]);
    await store.remove('session', key);
    expect(await store.list('session')).toEqual([sampleSession(second)]);
    expect(await open().read('session', key)).toBeUndefined();
  });

  test('no file name reveals a key, whatever is in it (contract §4.9)', async () => {
    const hostile = 'https://secret-app.example.com/../../etc/passwd\0\n';
    await open().write('session', hostile, sampleSession('https://secret-app.example.com'));
    const names = readdirSync(root, { recursive: true }).map(String).join('\n');
    expect(names).not.toMatch(/secret-app|passwd/);
    expect(await open().read('session', hostile)).toBeDefined();
  });

  test('is 0600 in 0700, whatever the umask', async () => {
    const before = process.umask(0o000);
    try {
      await written();
    } finally {
      process.umask(before);
    }
    expect([mode(dataDir), mode(folder()), mode(file())]).toEqual([0o700, 0o700, 0o600]);
  });

  test('tightens folders and files that others could read', async () => {
    await written();
    chmodSync(dataDir, 0o755);
    chmodSync(folder(), 0o777);
    chmodSync(file(), 0o644);
    expect(await open().read('session', key)).toBeDefined();
    expect([mode(dataDir), mode(folder()), mode(file())]).toEqual([0o700, 0o700, 0o600]);
  });

  test('takes a folder again that was removed meanwhile', async () => {
    const store = open();
    await store.write('session', key, sampleSession(key));
    rmSync(dataDir, { recursive: true });
    expect(await store.read('session', key)).toBeUndefined();
    await store.write('session', key, sampleSession(key));
    expect(await open().read('session', key)).toBeDefined();
    expect(store.memoryOnly()).toBeUndefined();
  });

  test('a data folder that is a link of our own is followed', async () => {
    mkdirSync(join(root, `real-${counter}`));
    symlinkSync(join(root, `real-${counter}`), dataDir);
    const store = open();
    await store.write('session', key, sampleSession(key));
    expect(store.memoryOnly()).toBeUndefined();
    expect(mode(join(root, `real-${counter}`))).toBe(0o700);
  });
});

describe('what is damaged or newer', () => {
  const good = (): { kind: string; key: string; record: Record<string, unknown> } =>
    JSON.parse(readFileSync(file(), 'utf8'));

  test.each<[string, () => string | Uint8Array]>([
    ['nothing', () => ''],
    ['half a record', () => readFileSync(file()).subarray(0, 60)],
    ['binary zeros, as after a crash', () => new Uint8Array(400)],
    ['bytes that are no UTF-8', () => new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
    ['JSON of another shape', () => '[1,2,3]'],
    ['a record without its token', () => JSON.stringify({ ...good(), record: { format: 1 } })],
    [
      'a record with a field too many',
      () => JSON.stringify({ ...good(), record: { ...good().record, extra: 1 } }),
    ],
    [
      'a record without a format',
      () => JSON.stringify({ ...good(), record: { ...good().record, format: undefined } }),
    ],
    ['another kind', () => JSON.stringify({ ...good(), kind: 'org' })],
    [
      'the copy of another key’s file',
      () => JSON.stringify({ ...good(), key: 'https://evil.example' }),
    ],
    ['more than a mebibyte', () => JSON.stringify({ ...good(), padding: 'x'.repeat(1024 * 1024) })],
  ])('%s is set aside with a warning, and written anew', async (_, content) => {
    await written();
    writeFileSync(file(), content());
    const store = open();
    expect(await store.read('session', key)).toBeUndefined();
    expect(readdirSync(folder())).toEqual([`${fileName}.damaged`]);
    expect(store.entries.map(({ message }) => message)).toEqual([
      expect.stringMatching(/set aside/),
    ]);
    await store.write('session', key, sampleSession(key));
    expect(await store.read('session', key)).toEqual(sampleSession(key));
    expect(store.memoryOnly()).toBeUndefined();
  });

  test('a damaged record does not keep the others from being listed', async () => {
    await written();
    writeFileSync(join(folder(), `${'0'.repeat(32)}.json`), '{');
    expect(await open().list('session')).toEqual([sampleSession(key)]);
  });

  test('a newer format reads as none and stays, until it is set aside by a write', async () => {
    await written();
    const newer = JSON.stringify({ ...good(), record: { format: 2, all: 'different' } });
    writeFileSync(file(), newer);
    const store = open();
    expect(await store.read('session', key)).toBeUndefined();
    expect(await store.list('session')).toEqual([]);
    expect(readFileSync(file(), 'utf8')).toBe(newer);
    expect(store.entries).toHaveLength(1);
    await store.write('session', key, sampleSession(key));
    expect(readFileSync(`${file()}.newer`, 'utf8')).toBe(newer);
    expect(await store.read('session', key)).toEqual(sampleSession(key));
  });

  test('removing a record removes what was set aside of it, which holds secrets too', async () => {
    await written();
    writeFileSync(file(), '{');
    const store = open();
    await store.read('session', key);
    await store.remove('session', key);
    expect(readdirSync(folder())).toEqual([]);
  });

  test('only the newest of what was set aside is kept, and no temporary file of the dead', async () => {
    await written();
    for (let index = 0; index < 30; index += 1) {
      const path = join(folder(), `${String(index).padStart(32, '0')}.json.damaged`);
      writeFileSync(path, 'x');
      utimesSync(path, index, index);
    }
    const dead = join(folder(), `${fileName}.0123.tmp`);
    const live = join(folder(), `${fileName}.4567.tmp`);
    writeFileSync(dead, '');
    writeFileSync(live, '');
    utimesSync(dead, 1, 1);
    await open().read('session', key);
    const left = readdirSync(folder());
    expect(left.filter((name) => name.endsWith('.damaged'))).toHaveLength(16);
    expect(left).toContain(`${'29'.padStart(32, '0')}.json.damaged`);
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([`${fileName}.4567.tmp`]);
  });
});

describe('what is no file of ours', () => {
  const attacks: [string, () => void][] = [
    ['a symbolic link', () => symlinkSync(join(root, 'bait.json'), file())],
    ['a symbolic link to itself', () => symlinkSync(file(), file())],
    ['a FIFO', () => void execFileSync('mkfifo', [file()])],
    ['a directory', () => mkdirSync(file())],
    ['a directory with something in it', () => mkdirSync(join(file(), 'sub'), { recursive: true })],
    ['a hard link', () => linkSync(join(root, 'bait.json'), file())],
    [
      'a device or socket',
      () => {
        const listen = `require('net').createServer().listen('s', () => process.exit())`;
        // The path is too long for a socket's address unless it is relative.
        spawnSync(process.execPath, ['-e', `process.on('exit',()=>{});${listen}`], {
          cwd: folder(),
        });
        if (existsSync(join(folder(), 's'))) renameSync(join(folder(), 's'), file());
        else mkdirSync(file());
      },
    ],
  ];

  test.each(attacks)('%s is neither followed nor waited for, and set aside', async (_, plant) => {
    await written();
    const bait = readFileSync(file());
    writeFileSync(join(root, 'bait.json'), bait);
    rmSync(file());
    plant();
    const store = open();
    expect(await store.read('session', key)).toBeUndefined();
    expect(await store.list('session')).toEqual([]);
    expect(readdirSync(folder())).toEqual([`${fileName}.damaged`]);
    await store.write('session', key, sampleSession(key, 'token-2'));
    expect((await store.read('session', key))?.accessToken).toBe('token-2');
    expect(lstatSync(file()).isFile()).toBe(true);
    expect(readFileSync(join(root, 'bait.json'))).toEqual(bait);
    expect(store.memoryOnly()).toBeUndefined();
  });

  test.each(attacks)('%s is not written through', async (_, plant) => {
    await written();
    const bait = readFileSync(file());
    writeFileSync(join(root, 'bait.json'), bait);
    rmSync(file());
    plant();
    await open().write('session', key, sampleSession(key, 'token-2'));
    expect(readFileSync(join(root, 'bait.json'))).toEqual(bait);
    expect((await open().read('session', key))?.accessToken).toBe('token-2');
  });

  test.runIf(asRoot)('a file of another user is set aside', async () => {
    await written();
    chownSync(file(), 12_345, 12_345);
    expect(await open().read('session', key)).toBeUndefined();
    expect(readdirSync(folder())).toEqual([`${fileName}.damaged`]);
  });
});

describe('a folder that cannot be used', () => {
  async function livesInMemory(why: RegExp): Promise<void> {
    const store = open();
    await store.write('session', key, sampleSession(key));
    expect(store.memoryOnly()).toMatch(why);
    expect(await store.read('session', key)).toEqual(sampleSession(key));
    expect(await store.list('session')).toEqual([sampleSession(key)]);
    await store.remove('session', key);
    expect(await store.read('session', key)).toBeUndefined();
    expect(store.entries.length).toBeGreaterThan(0);
  }

  test('a file in its place', async () => {
    writeFileSync(dataDir, '');
    await livesInMemory(/is not a folder\.$/);
  });

  test('a file above it', async () => {
    writeFileSync(dataDir, '');
    dataDir = join(dataDir, 'below');
    await livesInMemory(/memory only, because .* is not a folder\.$/);
  });

  test.runIf(asRoot)('a folder of another user', async () => {
    mkdirSync(dataDir, { mode: 0o777 });
    chownSync(dataDir, 12_345, 12_345);
    await livesInMemory(/belongs to another user\.$/);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test.runIf(asRoot)('a link that another user made', async () => {
    mkdirSync(join(root, `mine-${counter}`));
    symlinkSync(join(root, `mine-${counter}`), dataDir);
    execFileSync('chown', ['-h', '12345', dataDir]);
    await livesInMemory(/is a symbolic link made by another user\.$/);
  });

  test('a sessions folder that is a link to another place', async () => {
    mkdirSync(dataDir);
    mkdirSync(join(root, `elsewhere-${counter}`));
    symlinkSync(join(root, `elsewhere-${counter}`), folder());
    await livesInMemory(/is a symbolic link\.$/);
    expect(readdirSync(join(root, `elsewhere-${counter}`))).toEqual([]);
  });

  test('is used as soon as it can be', async () => {
    writeFileSync(dataDir, '');
    const store = open();
    await store.write('session', key, sampleSession(key));
    rmSync(dataDir);
    await store.write('session', key, sampleSession(key, 'token-2'));
    expect(store.memoryOnly()).toBeUndefined();
    expect((await open().read('session', key))?.accessToken).toBe('token-2');
  });
});

describe('a disk that fails while we write', () => {
  const failing =
    (code: string): Checkpoint =>
    (point) => {
      if (point === 'created') throw Object.assign(new Error(code), { code });
    };

  test.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])(
    '%s: the new record counts, in memory',
    async (code) => {
      await written();
      const store = open(failing(code));
      await store.write('session', key, sampleSession(key, 'token-2'));
      expect(store.memoryOnly()).toMatch(/^Sessions are kept in memory only, because .*\.$/);
      expect((await store.read('session', key))?.accessToken).toBe('token-2');
      expect((await store.list('session')).map((session) => session.accessToken)).toEqual([
        'token-2',
      ]);
      expect((await open().read('session', key))?.accessToken).toBe('token-1');
      expect(readdirSync(folder())).toEqual([fileName]);
    },
  );

  test('what another process writes later is newer than our memory', async () => {
    await written();
    const store = open(failing('ENOSPC'));
    await store.write('session', key, sampleSession(key, 'token-2'));
    await open().write('session', key, sampleSession(key, 'token-3'));
    expect((await store.read('session', key))?.accessToken).toBe('token-3');
    expect(store.memoryOnly()).toBeUndefined();
  });

  test.runIf(process.platform === 'linux')(
    'a record that cannot be read is not taken for none',
    async () => {
      await written();
      // With no file descriptor left, nothing can be said about the record.
      const program = await bundleProgram('few-files', root);
      const result = spawnSync(
        'sh',
        ['-c', 'ulimit -n 40; exec "$0" "$1" "$2"', process.execPath, program, dataDir],
        {
          encoding: 'utf8',
        },
      );
      expect(result.stdout).toBe('store_unavailable\ntoken-1\n');
      expect(readdirSync(folder())).toEqual([fileName]);
    },
  );

  test('an error of our own is thrown, not hidden in memory', async () => {
    const store = open(() => {
      throw new TypeError('a bug');
    });
    await expect(store.write('session', key, sampleSession(key))).rejects.toThrow('a bug');
  });

  test.runIf(asRoot)(
    'a full and a read-only file system, for real',
    { timeout: 20_000 },
    async () => {
      mkdirSync(dataDir);
      const program = await bundleProgram('full-disk', root);
      const script = `mount -t tmpfs -o size=64k none "$0" && exec "$1" "$2" "$0"`;
      const result = spawnSync(
        'unshare',
        ['-m', 'sh', '-c', script, dataDir, process.execPath, program],
        { encoding: 'utf8' },
      );
      // A container may forbid mounting; then the injected failures above must do.
      if (/unshare|mount:/.test(result.stderr)) return;
      expect(result.stderr).toBe('');
      expect(result.stdout.trim().split('\n')).toEqual([
        'first on disk',
        'full: token-2, Sessions are kept in memory only, because DIR/sessions is on a full disk.',
        'on disk: token-1',
        'room again: on disk token-3, undefined',
        'damaged: undefined, of 1',
        'read-only: token-4, Sessions are kept in memory only, because DIR/sessions is on a read-only file system.',
        'leaving: undefined',
      ]);
    },
  );
});

test('readers see the old record or the new one while it is written over and over', async () => {
  const store = open();
  await store.write('session', key, sampleSession(key, 'a', 30_000));
  let done = false;
  const writing = (async () => {
    for (let round = 0; round < 60; round += 1) {
      await store.write('session', key, sampleSession(key, round % 2 ? 'a' : 'bb', 30_000));
    }
    done = true;
  })();
  let reads = 0;
  const reader = open();
  while (!done) {
    await setImmediate(); // reading is synchronous, and the writer needs its turns
    const session = await reader.read('session', key);
    expect(session?.accessToken).toMatch(/^(a|bb)x{30000}$/);
    reads += 1;
  }
  await writing;
  expect(reads).toBeGreaterThan(10);
  expect(reader.entries).toEqual([]);
});
