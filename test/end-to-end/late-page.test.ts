/** The page after a sign-in, where the command ends as soon as the person is signed in (contract §4.6). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createProgram } from '../cli/program.ts';
import { startHostileApplication } from '../support/hostile-application.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';

/** Each answer of the callback's server is 200 ms late, as on a busy machine. */
const late = `
const { prototype } = require('node:http').ServerResponse;
const { end } = prototype;
prototype.end = function (...all) {
  setTimeout(() => end.apply(this, all), 200);
  return this;
};
`;

it('arrives, though another sign-in still returns to the same port', async () => {
  const program = await createProgram();
  onTestFinished(() => program.remove());
  const [app, other] = [await startHostileApplication(), await startHostileApplication()];
  onTestFinished(() => Promise.all([app.close(), other.close()]).then(() => {}));
  const slow = join(program.place, 'late.cjs');
  await writeFile(slow, late);
  const left = program.start(['login', other.origin]);
  await eventually(async () => (await program.opened())[0]);
  left.child.kill('SIGKILL');
  await left.ended;

  const environment = { NODE_OPTIONS: `--require=${slow}` };
  const login = program.start(['login', app.origin], { environment });
  const page = await visit(await eventually(async () => (await program.opened())[1]));
  expect(await page.text()).toContain('You are signed in');
  expect((await login.ended).code).toBe(0);
});
