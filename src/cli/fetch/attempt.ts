/** One attempt at a transfer, start here: a request in, its answer printed or saved. */
import { fetchWithAccess } from '../../access/fetch.ts';
import type { HopAnswer } from '../../http/hops.ts';
import { discard } from '../../http/peek.ts';
import { firstOf } from '../../http/waiting/first-of.ts';
import { type Concealed, type Concealer, createConcealer } from '../../secrets/concealer.ts';
import { signInPending } from '../../sign-in/person-sign-in.ts';
import { createSignInPrompt } from '../terminal/sign-in-prompt.ts';
import type { Conditions, Progress, Target } from './conditions.ts';
import { CurlFailure } from './exit-code.ts';
import { give } from './give.ts';
import { headLines } from './head-lines.ts';
import { openOutput } from './output.ts';
import type { FetchRequest } from './request.ts';
import { resumeOffset } from './resume.ts';

/** `passOver`: whether an answer is not worth giving, since there will be another attempt. */
export async function attempt(
  request: FetchRequest,
  target: Target,
  { shell, options, open: { rooms, signal }, cookies, onAnswer, onGiven }: Conditions,
  { passOver, progress }: { passOver: (answer: HopAnswer) => boolean; progress: Progress },
): Promise<void> {
  const { maxTime, continueAt, silent, verbose } = options;
  const { file } = target;
  const deadline = maxTime ? AbortSignal.timeout(maxTime * 1000) : undefined;
  const until = firstOf(signal, deadline).signal;
  const prompt = createSignInPrompt(shell, rooms);
  const showsProgress = shell.err.isTerminal && !silent && file !== undefined && file !== '-';
  const output = openOutput({
    stdout: shell.out.stream,
    file,
    append: continueAt !== undefined,
    most: options.maxFilesize,
    onProgress: showsProgress ? progressOf(prompt.onWaiting) : undefined,
  });
  const waiting = {
    waitMs: options.wait * 1000,
    askPerson: async (question: Parameters<typeof prompt.askPerson>[0]) => {
      progress.isFinal = true;
      return prompt.askPerson(question);
    },
    signal: until,
    onWaiting: prompt.onWaiting,
    onJoined: prompt.onJoined,
  };
  const heads: HopAnswer[] = [];
  let failed = false;
  const parts = { request, target, shell, options, onGiven };
  const say = (line: Concealed<string>) => {
    if (verbose) shell.err.line(line);
  };
  try {
    if (request.once && options.signIn) await signInBefore(request.url, rooms, waiting);
    const skipped = continueAt === undefined ? 0 : await resumeOffset(continueAt, file);
    const result = await fetchWithAccess(rooms.access, withRange(request, skipped), {
      ...waiting,
      signIn: options.signIn,
      follow: options.location === true,
      ...(cookies ? { cookies } : {}),
      maxRedirects: options.maxRedirs,
      onHop: ({ method, url }) => say(concealerOf(heads).text(`> ${method} ${url.href}`)),
      onAnswer(answer) {
        prompt.done();
        heads.push(answer);
        onAnswer(answer);
        const concealer = concealerOf(heads);
        say(concealer.text(`* credential: ${answer.auth.replace(/_/g, ' ')}`));
        for (const line of headLines(answer)) say(concealer.text(`< ${line}`));
      },
    });
    if (passOver(result.answer)) {
      discard(result.answer);
      return;
    }
    await give(result, { ...parts, heads, output, until, skipped });
  } catch (error) {
    failed = true;
    // Whatever the waiting was for, it was the deadline that ended it.
    if (deadline?.aborted && !signal.aborted) {
      throw new CurlFailure(28, `${request.url.host}: not done within ${maxTime} s.`);
    }
    throw error;
  } finally {
    // A file is begun anew; what was printed, or added to a file, stays.
    if (output.size() > 0 && !output.isRewritten()) progress.isFinal = true;
    prompt.done();
    try {
      await output.close();
    } finally {
      // What -C has added to is worth going on with.
      if (failed && options.removeOnError && continueAt === undefined) await output.remove();
    }
  }
}

/** A body that can be sent a single time must not meet a challenge. */
async function signInBefore(
  url: URL,
  { access }: Conditions['open']['rooms'],
  waiting: Omit<Parameters<typeof access.authenticate>[1], 'method' | 'force'>,
): Promise<void> {
  const outcome = await access.authenticate(url, { ...waiting, method: 'auto', force: false });
  if (outcome.status === 'pending') throw signInPending(url, outcome.signIn);
}

function withRange(request: FetchRequest, skipped: number): FetchRequest {
  if (skipped === 0) return request;
  const others = request.headers.filter(([name]) => name !== 'range');
  return { ...request, headers: [...others, ['range', `bytes=${skipped}-`]] };
}

/** For what is told while it goes on: with the credentials that were sent so far. */
function concealerOf(answers: readonly HopAnswer[]): Concealer {
  return createConcealer(answers.flatMap(({ secrets }) => secrets));
}

/** Tells how much has come, five times a second at most. */
function progressOf(tell: (message: string) => void): (bytes: number) => void {
  let toldAt = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - toldAt < 200) return;
    toldAt = now;
    tell(`${(bytes / 1e6).toFixed(1)} MB`);
  };
}
