/** How arguments that do not fit are told (contract §2). */
import { expect, test } from 'vitest';
import { detectProtection } from '../../src/tools/detect-protection.ts';
import { callTool } from '../../src/tools/tool.ts';

async function refusalOf(input: unknown): Promise<{ code: string; message: string }> {
  const opened = () => Promise.reject(new Error('nothing is opened for wrong arguments'));
  const { content, isError } = await callTool(detectProtection, input, opened);
  expect(isError).toBe(true);
  const [block] = content as { text: string }[];
  return JSON.parse(block?.text ?? '').error;
}

test('an unknown argument is named', async () => {
  const { code, message } = await refusalOf({ url: 'https://a.example/', surprise: 1 });
  expect(code).toBe('invalid_input');
  expect(message).toContain('does not take');
  expect(message).toContain('surprise');
});

test('a known argument that does not fit is not called unknown', async () => {
  const { code, message } = await refusalOf({ url: 1 });
  expect(code).toBe('invalid_input');
  expect(message).toMatch(/^detect_protection cannot be called like this: url: /);
  const both = await refusalOf({ url: 1, surprise: 1 });
  expect(both.message).toMatch(/cannot be called like this.*surprise/);
});

test('a name of 100,000 characters with a line break in it is cut and cleaned', async () => {
  const { message } = await refusalOf({ url: 'https://a.example/', [`a\n${'k'.repeat(1e5)}`]: 1 });
  expect(message.length).toBeLessThan(400);
  expect(message).not.toContain('\n');
});
