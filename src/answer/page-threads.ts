/**
 * Pages to Markdown without keeping others waiting: small ones at once, those that take longer in threads
 * of their own. Threads are started when there is such a page, and end soon after the last one.
 */
import { Worker } from 'node:worker_threads';
import { builtProgram } from '../built-program.ts';
import type { Markdown } from '../page/markdown.ts';

/** What a thread is told. It knows nothing but this. */
export interface PageJob {
  readonly html: string;
  readonly url: string;
  /** Credentials of ours, to be cut out of the page's words. */
  readonly secrets: readonly string[];
  readonly wordsOnly?: true;
}

export interface PageOrigin {
  /** Where the page came from, after redirects. */
  readonly url: URL;
  readonly secrets: readonly string[];
  /** Cuts these secrets out. */
  readonly conceal: (text: string) => string;
}

export interface PageThreads {
  /** Never throws for anything in `html`. */
  toMarkdown(html: string, page: PageOrigin): Promise<Markdown>;
}

/** In UTF-16 units: such a page takes some hundredths of a second. */
const maxAtOnce = 30_000;
const maxThreads = 2;
const idleMs = 20_000;

/** `maxHeapMib`: a page that needs more is given as its words alone. */
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
      env: {}, // it has no business with ours
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMib },
    });
  };
  const giveBack = (worker: Worker) => {
    // A process that has nothing else to do ends, and a thread that nobody needs any more.
    worker.unref();
    const end = setTimeout(() => {
      idle.shift();
      void worker.terminate();
    }, idleMs).unref();
    idle.push({ worker, end });
  };

  /** Throws what ended the thread before it had answered. */
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
