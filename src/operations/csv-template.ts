/** `$csv-template`: the columns of a profile's rows. https://hl7.org/fhir/R4/operations.html */
import { failure } from '../fhir/outcome.ts';
import type { Operation } from '../interactions/context.ts';
import { single } from '../interactions/cut.ts';
import { refuseOthers } from '../interactions/parameters.ts';
import { descriptionOf, headerOf } from '../tabular/describe.ts';
import { csvType, fileHeaders, refuseInBundles } from './csv/media.ts';
import { templateOf } from './csv/template-source.ts';

/** 200 with the header row; with `describe=true` a row for each column instead. */
export const csvTemplate: Operation = {
  name: '$csv-template',
  definition: 'http://osteon.example/OperationDefinition/csv-template',
  levels: ['system'],
  affectsState: false,
  media: [csvType],
  run: async (context, call) => {
    refuseInBundles(call);
    refuseOthers(context, call, ['profile', 'describe']);
    const describe = single(call.parameters, 'describe') ?? 'false';
    if (describe !== 'true' && describe !== 'false') throw failure(400, 'value', 'describe must be true or false.');
    const { template } = await templateOf(context, call);
    const text = describe === 'true' ? descriptionOf(template) : headerOf(template);
    return {
      status: 200,
      body: new TextEncoder().encode(text),
      contentType: `${csvType}; charset=utf-8; header=present`,
      headers: fileHeaders(template, describe === 'true' ? '-columns' : ''),
    };
  },
};
