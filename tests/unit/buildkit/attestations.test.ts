import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { annotationAttributes, attestationAttributes } from '../../../src/buildkit/attestations.ts';

const test = suite('buildkit/attestations');

test('attestations are asked for by attributes of the frontend, and none without the field', () => {
  assert.equal(attestationAttributes(undefined), {});
  assert.equal(attestationAttributes({ provenance: 'min' }), { 'attest:provenance': 'mode=min' });
  assert.equal(attestationAttributes({ provenance: 'max', sbom: true }), {
    'attest:provenance': 'mode=max',
    'attest:sbom': '',
  });
  assert.equal(attestationAttributes({ sbom: 'scan:1' }), { 'attest:sbom': 'generator=scan:1' });
});

test('annotations of the manifest are attributes of the exporter', () => {
  assert.equal(annotationAttributes(undefined), {});
  assert.equal(annotationAttributes({ 'org.example/title': 'a=b, c' }), {
    'annotation.org.example/title': 'a=b, c',
  });
});

test.run();
