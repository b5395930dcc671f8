/** The load generator's own process: takes jobs as messages, answers each with its result. https://hl7.org/fhir/R4/http.html */
import type { Job, JobAnswer } from './job.ts';
import { runJob } from './run.ts';

const answer = (message: JobAnswer): void => {
  process.send?.(message);
};

process.on('message', (job: Job) => {
  runJob(job).then(
    (streams) => answer({ kind: 'result', streams }),
    (error: unknown) => answer({ kind: 'failure', message: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
