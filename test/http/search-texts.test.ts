/** Searches of tokens by their texts and identifiers by their types. https://hl7.org/fhir/R4/search.html#modifiers */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, load, observation, patient, refused, walk } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;
const types = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const type = (code: string, text?: string) => ({ coding: [{ system: types, code }], ...(text && { text }) });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    observation('text', { code: { text: 'Knee – flexion' } }),
    observation('display', { code: { coding: [{ system: 'urn:s', code: 'k', display: 'KNEE  flexion, right' }] } }),
    observation('both', { code: { text: 'Hip', coding: [{ code: 'h', display: 'Hüfte' }] } }),
    observation('code', { code: { coding: [{ code: 'knee' }] } }),
    observation('part', { component: [{ code: { text: 'Knee extension' }, valueString: 'x' }] }),
    observation('coding', { meta: { tag: [{ system: 'urn:t', code: 't', display: 'Knee study' }] } }),
    patient('mr', { identifier: [{ type: type('MR', 'Record number'), system: 'urn:mrn', value: '12|3' }] }),
    patient('ss', { identifier: [{ type: type('SS'), value: '12|3' }, { value: '7' }] }),
    patient('bare', { identifier: [{ value: '12|3' }] }),
  ]);
});
afterAll(() => server.close());

describe(':text', () => {
  it('is a string search over text and display', async () => {
    expect(await find(server, '/Observation?code:text=knee')).toBe('display text');
    expect(await find(server, '/Observation?code:text=Kneé flexion')).toBe('display text');
    expect(await find(server, '/Observation?code:text=knee flexion right')).toBe('display');
    expect(await find(server, '/Observation?code:text=hip')).toBe('both');
    expect(await find(server, '/Observation?code:text=hufte')).toBe('both');
    expect(await find(server, '/Observation?code:text=flexion')).toBe('');
    expect(await find(server, '/Observation?code:text=hip,knee')).toBe('both display text');
    expect(await find(server, '/Observation?code:text=hip&code:text=hufte')).toBe('both');
    expect(await find(server, '/Observation?_tag:text=knee')).toBe('coding');
    expect(await find(server, '/Patient?identifier:text=record')).toBe('mr');
  });

  it('of a combination looks at all of its parts', async () => {
    expect(await find(server, '/Observation?component-code:text=knee')).toBe('part');
    expect(await find(server, '/Observation?combo-code:text=knee')).toBe('display part text');
  });

  it('of what has been changed or deleted is found no more', async () => {
    await load(server, [observation('gone', { code: { text: 'Gone' } })]);
    expect(await find(server, '/Observation?code:text=gone')).toBe('gone');
    await load(server, [observation('gone', { code: { text: 'Went' } })]);
    expect(await find(server, '/Observation?code:text=gone')).toBe('');
    expect(await find(server, '/Observation?code:text=went')).toBe('gone');
    await server.send('DELETE', '/Observation/gone');
    expect(await find(server, '/Observation?code:text=went')).toBe('');
  });

  it('gives pages', async () => {
    expect([...(await walk(server, '/Observation?combo-code:text=knee,hip&_count=1'))].sort()).toEqual([
      'both',
      'display',
      'part',
      'text',
    ]);
  });

  it('changes nothing for searches by code and :missing', async () => {
    expect(await find(server, '/Observation?code=knee')).toBe('code');
    expect(await find(server, '/Observation?code=knee flexion')).toBe('');
    expect(await find(server, '/Observation?code:missing=true')).toBe('coding part text');
    expect(await find(server, '/Observation?code=:text|')).toBe('');
  });

  it('is 400 where there is no text, or nothing of it to compare', async () => {
    expect(await refused(server, '/Patient?gender:text=male')).toMatch(/gender has codes without a text/);
    expect(await refused(server, '/Observation?code:text=-')).toMatch(/punctuation/);
  });
});

describe(':of-type', () => {
  it('is the type of an identifier with its value', async () => {
    expect(await find(server, `/Patient?identifier:of-type=${types}|MR|12\\|3`)).toBe('mr');
    expect(await find(server, `/Patient?identifier:of-type=${types}|SS|12\\|3`)).toBe('ss');
    expect(await find(server, `/Patient?identifier:of-type=${types}|MR|12\\|3,${types}|SS|12\\|3`)).toBe('mr ss');
    expect(await find(server, `/Patient?identifier:of-type=${types}|SS|7`)).toBe('');
    expect(await find(server, `/Patient?identifier:of-type=urn:other|MR|12\\|3`)).toBe('');
  });

  it('needs all three parts', async () => {
    for (const value of ['12', 'MR|12', `${types}|MR`, `${types}|MR|`, '|MR|12', `${types}||12`, `${types}|MR|12|3`]) {
      expect(await refused(server, `/Patient?identifier:of-type=${value}`)).toMatch(/identifier:of-type/);
    }
    expect(await refused(server, '/Observation?code:of-type=a|b|c')).toMatch(/no identifiers/);
  });
});
