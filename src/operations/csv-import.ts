/** `$csv-import`: rows of CSV as resources. https://hl7.org/fhir/R4/operations.html */
import { failure } from '../fhir/outcome.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { single } from '../interactions/cut.ts';
import { note } from '../interactions/note.ts';
import { refuseOthers } from '../interactions/parameters.ts';
import { readCsv, UnreadableCsv } from '../tabular/csv.ts';
import { readHeader } from '../tabular/header.ts';
import type { Template } from '../tabular/template.ts';
import { CsvImporter } from './csv/importer.ts';
import { fileOf } from './csv/incoming-csv.ts';
import { csvType } from './csv/media.ts';
import { ImportReport } from './csv/report.ts';
import { templateOf } from './csv/template-source.ts';

/** Rows of one file. */
const mostRows = 100_000;

/** 200 with what came of the rows: Parameters, or the faults as CSV. */
export const csvImport: Operation = {
  name: '$csv-import',
  definition: 'http://osteon.example/OperationDefinition/csv-import',
  levels: ['system'],
  affectsState: true,
  streams: true,
  media: [csvType],
  run: async (context, call) => {
    const answer = await imported(context, call);
    // Commits carry the AuditEvents of what they write; this is the request's own.
    note(context, call, answer.status, answer);
    return answer;
  },
};

async function imported(context: Context, call: Call): Promise<Answer> {
  const file = fileOf(call);
  refuseOthers(context, call, ['profile', 'validateOnly', 'skipDuplicates']);
  const named = await templateOf(context, call);
  const options = { validateOnly: flag(call, 'validateOnly'), skipDuplicates: flag(call, 'skipDuplicates') };
  const asCsv = call.media === csvType;
  const report = new ImportReport(asCsv);
  const importer = new CsvImporter(context, call, named, options, report);
  await readAll(file, named.template, importer, report);
  if (!asCsv) return { status: 200, body: new TextEncoder().encode(JSON.stringify(report.parameters())) };
  const headers = { 'Content-Disposition': 'attachment; filename="faults.csv"' };
  return { status: 200, body: report.csv(), contentType: `${csvType}; charset=utf-8; header=present`, headers };
}

/** Throws 400 for a file that can't be read before any of its rows was stored; later that is told as a fault. */
async function readAll(
  file: AsyncIterable<Uint8Array>,
  template: Template,
  importer: CsvImporter,
  report: ImportReport,
): Promise<void> {
  let places: readonly (number | undefined)[] | undefined;
  let width = 0;
  let rows = 0;
  const stop = ({ line, message, refusal }: UnreadableCsv) => {
    if (!importer.begun) throw refusal ?? failure(400, 'structure', `Line ${line}: ${message}.`);
    const reason = message.replace(/\.$/, '');
    report.fault({ line, column: '', reason: `${reason}; this line and those after it were not read` });
  };
  try {
    for await (const { line, cells } of readCsv(file)) {
      if (places === undefined) {
        places = readHeader(cells, template);
        width = cells.length;
        continue;
      }
      rows += 1;
      if (rows > mostRows) {
        report.fault({
          line,
          column: '',
          reason: `a file has at most ${mostRows} rows; send this line and those after it as another one`,
        });
        break;
      }
      if (cells.length !== width) {
        report.row('faulty');
        report.fault({ line, column: '', reason: `has ${cells.length} cells, and the header ${width}` });
        continue;
      }
      const room = importer.add({
        line,
        cells: places.map((place) => (place === undefined ? undefined : (cells[place] ?? ''))),
      });
      if (room !== undefined) await room;
    }
  } catch (error) {
    if (!(error instanceof UnreadableCsv)) throw error;
    stop(error);
  }
  if (places === undefined) throw failure(400, 'structure', 'The file is empty: its first line must name the columns.');
  await importer.finish();
}

function flag({ parameters }: Call, name: string): boolean {
  const text = single(parameters, name) ?? 'false';
  if (text !== 'true' && text !== 'false') throw failure(400, 'value', `${name} must be true or false.`);
  return text === 'true';
}
