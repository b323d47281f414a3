/**
 * `doctor --record`: sends the requests, removes whatever is private, compares the answers with the
 * documentation and writes the file.
 */

import type { Walk } from '../authorization.ts';
import { type Finding, ok, warn } from '../finding.ts';
import { askAll } from './questions.ts';
import { format, type RecordingFile } from './recording.ts';
import { redact } from './redact.ts';
import { rowOf } from './rows.ts';
import { verdictOf } from './verdict.ts';

export async function record(walk: Walk, file: RecordingFile, version: string): Promise<Finding> {
  const { seen, keys } = await askAll(walk);
  const { url, exchanges: redacted, tokens } = redact(walk.url, seen, keys);
  const row = rowOf(redacted[0]?.answer);
  const exchanges = redacted.map((each) => ({ ...each, verdict: verdictOf(each, row, tokens) }));
  const madeBy = `cloudflare-access-mcp ${version}`;
  await file.write({ format, made_by: madeBy, url, exchanges, tokens });

  const different = exchanges.filter(({ verdict }) => verdict.is === 'different');
  const text = `${file.path}: ${exchanges.length} requests and their answers, without secrets and names`;
  if (different.length === 0) return ok('Recording', text);
  const which = different.map(
    ({ question, verdict }) => `${question} (${verdict.how?.join(', ')})`,
  );
  return warn(
    'Recording',
    `${text}; ${different.length} differ from docs/cloudflare-access.md: ${which.join('; ')}`,
    'Check the file and attach it to a report: it helps to fix the difference.',
  );
}
