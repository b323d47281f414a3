/** How soon a stream is requested again, in the bounds that a server cannot move. */
import { expect, it } from 'vitest';
import { createPatience } from '../../src/bridge/patience.ts';

it('pauses before a stream is requested again, whatever its server asks for', async () => {
  const patience = createPatience();
  patience.setRetry(0);
  const from = performance.now();
  await patience.wait(new AbortController().signal);
  expect(performance.now() - from).toBeGreaterThan(90);
});
