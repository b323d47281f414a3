/** Memory of an upload that is freed as soon as it is sent, and not before. */
import { expect, it } from 'vitest';
import { createSentChunks, free } from '../../src/relay/sent-chunks.ts';

const mebibyte = 1024 * 1024;
const chunk = () => Buffer.allocUnsafeSlow(64 * 1024);

it('gives memory back at once, without a collection', () => {
  const before = process.memoryUsage().arrayBuffers;
  const chunks = Array.from({ length: 16 }, () => Buffer.allocUnsafeSlow(mebibyte));
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(15 * mebibyte);
  for (const each of chunks) free(each);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(mebibyte);
  expect(chunks.map(({ length }) => length)).toEqual(Array(16).fill(0));
});

it('leaves memory alone that others share', () => {
  const [whole, pooled] = [Buffer.alloc(64 * 1024, 'x'), Buffer.from('from the pool')];
  free(whole.subarray(0, 32 * 1024));
  free(pooled);
  expect(whole.toString()).toBe('x'.repeat(64 * 1024));
  expect(pooled.toString()).toBe('from the pool');
});

it('frees what 256 KiB have followed', () => {
  const sent = createSentChunks();
  const chunks = Array.from({ length: 8 }, chunk);
  for (const each of chunks) sent.add(each, 0);
  expect(chunks.map(({ length }) => length > 0)).toEqual([
    ...Array(4).fill(false),
    ...Array(4).fill(true),
  ]);
});

it('does not count what still waits for the sender', () => {
  const sent = createSentChunks();
  const chunks = Array.from({ length: 8 }, chunk);
  for (const [index, each] of chunks.entries()) sent.add(each, index * each.length);
  expect(chunks.every(({ length }) => length > 0)).toBe(true);
});

it('is not misled by small chunks, which it leaves to the collector', () => {
  const sent = createSentChunks();
  const first = chunk();
  const small = Array.from({ length: 4096 }, () => Buffer.allocUnsafeSlow(1024));
  for (const each of [first, ...small]) sent.add(each, 0);
  expect([first, ...small].every(({ length }) => length > 0)).toBe(true);
});
