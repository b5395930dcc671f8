/** Searches by numbers and quantities, sentence by sentence of "Search values". https://hl7.org/fhir/R4/search.html#number */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, load, walk } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const ucum = 'http://unitsofmeasure.org';

function risk(id: string, prediction: string): string {
  return `{"resourceType":"RiskAssessment","id":"${id}","status":"final","subject":{"reference":"Patient/1"},"prediction":[${prediction}]}`;
}

function measured(id: string, value: string, more: Json = { unit: 'mg', system: ucum, code: 'mg' }): string {
  const { comparator, ...rest } = more;
  const quantity = `{"value":${value},${JSON.stringify({ ...(comparator && { comparator }), ...rest }).slice(1)}`;
  return `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"x"},"valueQuantity":${quantity}}`;
}

async function put(text: string): Promise<void> {
  const { resourceType, id } = JSON.parse(text);
  const reply = await server.send('PUT', `/${resourceType}/${id}`, text);
  expect(reply.status, reply.text).toBe(201);
}

const big = '123456789012345678901234567890.5';

beforeAll(async () => {
  server = await testServer();
  for (const [id, value] of [
    ['p0', '0'],
    ['p0.2', '0.20'],
    ['p0.25', '0.25'],
    ['p0.3', '0.3'],
    ['p5.395', '5.395'],
    ['p5.4', '5.4'],
    ['p5.404', '5.404999'],
    ['p5.405', '5.405'],
    ['p95', '95'],
    ['p104', '104.99'],
    ['p105', '105'],
    ['neg', '-5.4'],
    ['tiny', '1e-30'],
    ['big', big],
    ['bigger', '123456789012345678901234567890.6'],
  ] as const) {
    await put(risk(id, `{"probabilityDecimal":${value}}`));
  }
  await put(risk('range', '{"probabilityRange":{"low":{"value":10},"high":{"value":20}}}'));
  await put(risk('two', '{"probabilityDecimal":41},{"probabilityDecimal":43}'));
  await put(risk('no', '{"rationale":"none"}'));
  await put(measured('mg5.4', '5.4'));
  await put(measured('mg5.40', '5.40'));
  await put(measured('mg5.44', '5.44'));
  await put(measured('g5.4', '5.4', { unit: 'g', system: ucum, code: 'g' }));
  await put(measured('other5.4', '5.4', { unit: 'mg', system: 'http://other', code: 'mg' }));
  await put(measured('unit5.4', '5.4', { unit: 'mg' }));
  await put(measured('bare5.4', '5.4', { extension: [{ url: 'http://x', valueString: 'y' }] }));
  await put(measured('less', '200', { comparator: '<', unit: 'km', system: ucum, code: 'km' }));
  await put(measured('more', '300', { comparator: '>=', unit: 'km', system: ucum, code: 'km' }));
  await put(measured('exact', big, { unit: 'm', system: ucum, code: 'm' }));
  await load(server, [
    { resourceType: 'Observation', id: 'none', status: 'final', code: { text: 'x' } },
    {
      resourceType: 'Invoice',
      id: 'euro',
      status: 'issued',
      totalNet: { value: 12.5, currency: 'EUR' },
      totalGross: { value: 14.88, currency: 'EUR' },
    },
  ]);
});
afterAll(() => server.close());

const numbers = (value: string) => find(server, `/RiskAssessment?probability=${value}`);
const quantities = (value: string) =>
  find(server, `/Observation?value-quantity=${value.split('|').map(encodeURIComponent).join('|')}`);

describe('a number', () => {
  it('means its implicit precision for eq, ne and no prefix', async () => {
    expect(await numbers('5.40')).toBe('p5.395 p5.4 p5.404');
    expect(await numbers('eq5.40')).toBe('p5.395 p5.4 p5.404');
    expect(await numbers('5.4')).toBe('p5.395 p5.4 p5.404 p5.405');
    expect(await numbers('5.400')).toBe('p5.4');
    expect(await numbers('1e2')).toBe('p104 p95');
    expect(await numbers('100')).toBe('');
    expect(await numbers('0.2')).toBe('p0.2');
    expect(await numbers('0.3')).toBe('p0.25 p0.3');
    expect(await numbers('-5.4')).toBe('neg');
    expect(await numbers('0')).toBe('p0 p0.2 p0.25 p0.3 tiny');
    expect(await numbers('0.0')).toBe('p0 tiny');
    const all = await find(server, '/RiskAssessment?probability:missing=false');
    const others = new Set((await numbers('ne5.40')).split(' '));
    expect(all.split(' ').filter((id) => !others.has(id))).toEqual(['p5.395', 'p5.4', 'p5.404']);
  });

  it('is exact for the other comparisons', async () => {
    expect(await numbers('gt5.4&probability=lt10')).toBe('p5.404 p5.405');
    expect(await numbers('ge5.4&probability=lt10')).toBe('p5.4 p5.404 p5.405');
    expect(await numbers('lt5.4&probability=gt5')).toBe('p5.395');
    expect(await numbers('le5.40&probability=gt5')).toBe('p5.395 p5.4');
    expect(await numbers('sa5.4&probability=eb10')).toBe('p5.404 p5.405');
    expect(await numbers('lt-5')).toBe('neg');
    expect(await numbers('gt0&probability=lt1e-20')).toBe('tiny');
  });

  it('ap is ±10 %', async () => {
    expect(await numbers('ap100')).toBe('p104 p105 p95');
    expect(await numbers('ap0.22')).toBe('p0.2');
    expect(await numbers('ap0.275')).toBe('p0.25 p0.3');
    expect(await numbers('ap-5')).toBe('neg');
    expect(await numbers('ap-6')).toBe('neg');
    expect(await numbers('ap-4.9')).toBe('');
    expect(await numbers('ap22')).toBe('range');
    expect(await numbers('ap23')).toBe('');
  });

  it('that a double can’t hold is compared exactly', async () => {
    expect(await numbers(big)).toBe('big');
    expect(await numbers(`ge${big}`)).toBe('big bigger');
    expect(await numbers(`gt${big}`)).toBe('bigger');
    expect(await numbers('1e-30')).toBe('tiny');
  });

  it('that is stored is a point, a stored Range its bounds', async () => {
    expect(await numbers('gt15&probability=lt40')).toBe('range');
    expect(await numbers('gt20&probability=lt40')).toBe('');
    expect(await numbers('ge20&probability=lt40')).toBe('range');
    expect(await numbers('sa9&probability=eb21')).toBe('range');
    expect(await numbers('sa10&probability=eb21')).toBe('');
    expect(await numbers('1.5e1')).toBe('');
  });

  it('ne finds what has some value that isn’t contained', async () => {
    expect((await numbers('ne41')).split(' ')).toContain('two');
    expect(await numbers('41')).toBe('two');
    expect(await numbers('ne41')).not.toMatch(/\bno\b/);
  });

  it('alternatives', async () => {
    expect(await numbers('5.40,1e2')).toBe('p104 p5.395 p5.4 p5.404 p95');
    expect(await numbers('lt-1,gt1e20')).toBe('big bigger neg');
  });
});

describe('a quantity', () => {
  it('by number, system and code', async () => {
    expect(await quantities(`5.4|${ucum}|mg`)).toBe('mg5.4 mg5.40 mg5.44');
    expect(await quantities(`5.40|${ucum}|mg`)).toBe('mg5.4 mg5.40');
    expect(await quantities(`5.4|${ucum}|g`)).toBe('g5.4');
    expect(await quantities('5.4|http://other|mg')).toBe('other5.4');
  });

  it('without a system: the code or the unit', async () => {
    expect(await quantities('5.4||mg')).toBe('mg5.4 mg5.40 mg5.44 other5.4 unit5.4');
    expect(await quantities('5.4||g')).toBe('g5.4');
  });

  it('by the number alone, in any unit', async () => {
    expect(await quantities('5.4')).toBe('bare5.4 g5.4 mg5.4 mg5.40 mg5.44 other5.4 unit5.4');
    expect(await find(server, '/Observation?value-quantity=gt5.4&value-quantity=lt10')).toBe('less mg5.44');
  });

  it('with prefixes', async () => {
    expect(await quantities(`lt5.44|${ucum}|mg`)).toBe('mg5.4 mg5.40');
    expect(await quantities(`le5.44|${ucum}|mg`)).toBe('mg5.4 mg5.40 mg5.44');
    expect(await quantities(`ge5.40|${ucum}|mg`)).toBe('g5.4 mg5.4 mg5.40 mg5.44');
    expect(await quantities(`ap5|${ucum}|mg`)).toBe('mg5.4 mg5.40 mg5.44');
    expect(await quantities(`ap4.9|${ucum}|mg`)).toBe('');
    expect(await quantities(`ne5.40|${ucum}|mg`)).toBe('g5.4 mg5.44');
    expect(await quantities(`sa5.4|${ucum}|mg`)).toBe('g5.4 mg5.44');
  });

  it('in any unit that UCUM converts: first the precision, then the conversion', async () => {
    await put(measured('ug5400', '5400', { unit: 'microgram', system: ucum, code: 'ug' }));
    await put(measured('g0.00545', '0.00545', { unit: 'g', system: ucum, code: 'g' }));
    expect(await quantities(`0.0054|${ucum}|g`)).toBe('mg5.4 mg5.40 mg5.44 ug5400');
    expect(await quantities(`5.4|${ucum}|mg`)).toBe('mg5.4 mg5.40 mg5.44 ug5400');
    expect(await quantities('5400||ug')).toBe('mg5.4 mg5.40 ug5400');
    expect(await quantities(`5.45|${ucum}|mg`)).toBe('g0.00545');
    expect(await quantities(`5.4|${ucum}|mg,5.4|${ucum}|g`)).toBe('g5.4 mg5.4 mg5.40 mg5.44 ug5400');
    expect(await quantities(`5400|http://other|ug`)).toBe('');
    expect(await quantities(`5400|${ucum}|mL`)).toBe('');
    expect(await quantities(`lt0.201|${ucum}|m`)).toBe('less');
    for (const id of ['ug5400', 'g0.00545']) await server.send('DELETE', `/Observation/${id}`);
  });

  it('temperatures', async () => {
    await put(measured('cel', '37.0', { unit: 'C', system: ucum, code: 'Cel' }));
    await put(measured('fahrenheit', '98.6', { unit: 'F', system: ucum, code: '[degF]' }));
    expect(await quantities(`37|${ucum}|Cel`)).toBe('cel fahrenheit');
    expect(await quantities(`ge98.6|${ucum}|[degF]`)).toBe('cel fahrenheit');
    for (const id of ['cel', 'fahrenheit']) await server.send('DELETE', `/Observation/${id}`);
  });

  it('pages of a walk over several units', async () => {
    for (const [n, code] of ['mg', 'g', 'kg', 'mg', 'g', 'kg', '[lb_av]'].entries()) {
      await put(measured(`w${n}`, String(10 + n), { unit: code, system: ucum, code }));
    }
    const first = `/Observation?value-quantity=gt9${encodeURIComponent(`|${ucum}|mg`)}&_count=2`;
    expect([...(await walk(server, first))].sort().join(' ')).toBe(
      'w0 w1 w2 w3 w4 w5 w6 g5.4'.split(' ').sort().join(' '),
    );
    for (let n = 0; n < 7; n++) await server.send('DELETE', `/Observation/w${n}`);
  });

  it('with a comparator is an open range', async () => {
    expect(await quantities(`lt100|${ucum}|km`)).toBe('less');
    expect(await quantities(`gt1000|${ucum}|km`)).toBe('exact more');
    expect(await quantities(`sa299|${ucum}|km`)).toBe('exact more');
    expect(await quantities(`eb201|${ucum}|km`)).toBe('less');
  });

  it('that a double can’t hold is compared exactly', async () => {
    expect(await quantities(`${big}|${ucum}|m`)).toBe('exact');
    expect(await quantities(`gt${big}|${ucum}|m`)).toBe('more');
    expect(await quantities(`gt123456789012345678901234567890.4999|${ucum}|m`)).toBe('exact more');
    const text = (await server.get('/Observation?_id=exact')).text;
    expect(text).toContain(`"value":${big}`);
  });

  it('of money has its currency as code', async () => {
    expect(await find(server, '/Invoice?totalnet=12.5|urn:iso:std:iso:4217|EUR')).toBe('euro');
    expect(await find(server, '/Invoice?totalnet=12.5||EUR')).toBe('euro');
    expect(await find(server, '/Invoice?totalnet=12.5||USD')).toBe('');
    expect(await find(server, '/Invoice?totalgross=gt14')).toBe('euro');
  });

  it(':missing', async () => {
    expect(await find(server, '/Observation?value-quantity:missing=true')).toBe('none');
  });
});

describe('text around numbers', () => {
  it('is kept as it was sent', async () => {
    const { text } = await server.get('/RiskAssessment?_id=p0.2,tiny,big');
    expect(text).toContain('"probabilityDecimal":0.20');
    expect(text).toContain('"probabilityDecimal":1e-30');
    expect(text).toContain(`"probabilityDecimal":${big}`);
  });
});
