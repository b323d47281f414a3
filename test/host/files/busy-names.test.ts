/** Windows' moment of doubt about a name, played: what fails for it is tried again there, and nowhere else. */
import { expect, test } from 'vitest';
import { whileBusy } from '../../../src/host/files/busy-names.ts';
import { fileIdentity } from '../../../src/host/files/private-file.ts';

const failure = (code: string) => Object.assign(new Error(code), { code });

/** Fails `times` times with `code`, and then is done. */
function busy(code: string, times: number) {
  let calls = 0;
  return {
    calls: () => calls,
    work: () => {
      calls += 1;
      if (calls <= times) throw failure(code);
      return 'done';
    },
  };
}

test.each(['EPERM', 'EACCES', 'EBUSY'])('%s is tried again on Windows', async (code) => {
  const { work, calls } = busy(code, 3);
  expect(await whileBusy(work, 'win32')).toBe('done');
  expect(calls()).toBe(4);
});

test('it gives up after ten', async () => {
  const { work, calls } = busy('EPERM', 100);
  await expect(whileBusy(work, 'win32')).rejects.toThrow('EPERM');
  expect(calls()).toBe(10);
});

test.each([
  ['linux', 'EPERM'],
  ['darwin', 'EACCES'],
  ['win32', 'ENOSPC'],
] as const)('on %s, %s is what it says', async (platform, code) => {
  const { work, calls } = busy(code, 1);
  await expect(whileBusy(work, platform)).rejects.toThrow(code);
  expect(calls()).toBe(1);
});

test('the first attempt is made at once, before anything else runs', () => {
  const { work, calls } = busy('EPERM', 0);
  void whileBusy(work);
  expect(calls()).toBe(1);
});

test('a file is the same one by its name and by its handle, however wide the volume’s number is', () => {
  const version = { ino: 42n, mtimeNs: 7n, size: 3n };
  const byName = fileIdentity({ ...version, dev: 0x1234_5678_9abc_def0n });
  expect(fileIdentity({ ...version, dev: 0x9abc_def0n })).toBe(byName);
  expect(fileIdentity({ ...version, dev: 0x9abc_def1n })).not.toBe(byName);
});
