import { expect, test } from 'vitest';
import { isAccessError } from '../../src/errors.ts';
import { targetUrl } from '../../src/tools/target-url.ts';

test('the https URL that is proposed for an http one is whole, its query included (contract §4.1)', () => {
  try {
    targetUrl('http://app.example.com:8080/a?b=c');
    expect.unreachable();
  } catch (error) {
    if (!isAccessError(error, 'https_required')) throw error;
    expect(error.nextStep).toEqual([
      { do: 'correct_input', with: 'https://app.example.com:8080/a?b=c' },
    ]);
  }
});

test('a URL that is too long is called that, and is not repeated whole', () => {
  try {
    targetUrl(`https://app.example.com/${'x'.repeat(9000)}`);
    expect.unreachable();
  } catch (error) {
    if (!isAccessError(error, 'invalid_input')) throw error;
    expect(error.message).toContain('longer than 8192 characters');
    expect(error.message.length).toBeLessThan(400);
  }
});
