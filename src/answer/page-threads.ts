/**
 * Converts pages to Markdown without blocking other calls: small pages at once, larger ones in worker
 * threads. Threads are started when there is a large page, and end soon after the last one.
 */
import { Worker } from 'node:worker_threads';
import { builtProgram } from '../built-program.ts';
import type { Markdown } from '../page/markdown.ts';

/** Everything that a thread is given. */
export interface PageJob {
  readonly html: string;
  readonly url: string;
  /** Our credentials, to be removed from the page's text. */
  readonly secrets: readonly string[];
  readonly wordsOnly?: true;
}

export interface PageOrigin {
  /** Where the page came from, after redirects. */
  readonly url: URL;
  readonly secrets: readonly string[];
  /** Removes these secrets. */
  readonly conceal: (text: string) => string;
}

export interface PageThreads {
  /** Never throws for anything in `html`. */
  toMarkdown(html: string, page: PageOrigin): Promise<Markdown>;
}

/** In UTF-16 units. A page of this size takes a few hundredths of a second. */
const maxAtOnce = 30_000;
const maxThreads = 2;
const idleMs = 20_000;

/** `maxHeapMib`: a page that needs more is returned as its text only. */
export function createPageThreads({ maxHeapMib = 512 } = {}): PageThreads {
  const idle: { readonly worker: Worker; readonly end: NodeJS.Timeout }[] = [];
  const waiting: (() => void)[] = [];
  let busy = 0;

  const take = async (): Promise<Worker> => {
    const rested = idle.pop();
    if (rested) {
      clearTimeout(rested.end);
      rested.worker.ref();
      return rested.worker;
    }
    return new Worker(await builtProgram('page-worker.js'), {
      env: {}, // it needs none of our variables
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMib },
    });
  };
  const giveBack = (worker: Worker) => {
    // An idle thread does not keep the process alive, and ends after a while itself.
    worker.unref();
    const end = setTimeout(() => {
      idle.shift();
      void worker.terminate();
    }, idleMs).unref();
    idle.push({ worker, end });
  };

  /** Throws the error that ended the thread before it answered. */
  const run = async (job: PageJob): Promise<Markdown> => {
    while (busy >= maxThreads) await new Promise<void>((resolve) => waiting.push(resolve));
    busy += 1;
    try {
      const worker = await take();
      const markdown = await answerOf(worker, job);
      giveBack(worker);
      return markdown;
    } finally {
      busy -= 1;
      waiting.shift()?.();
    }
  };

  return {
    async toMarkdown(html, { url, secrets, conceal }) {
      if (html.length <= maxAtOnce) {
        // Loaded on first use: it is large, and many answers are JSON.
        const { quickMarkdown } = await import('../page/markdown.ts');
        const markdown = quickMarkdown(html, { url, conceal });
        if (markdown) return markdown;
      }
      const job: PageJob = { html, url: url.href, secrets };
      try {
        return await run(job);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        return await run({ ...job, wordsOnly: true });
      }
    },
  };
}

function answerOf(worker: Worker, job: PageJob): Promise<Markdown> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      end();
    };
    const onMessage = (markdown: Markdown) => settle(() => resolve(markdown));
    const onError = (error: Error) => settle(() => reject(error));
    const onExit = (code: number) =>
      settle(() => reject(new Error(`The thread ended with ${code}.`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(job);
  });
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
