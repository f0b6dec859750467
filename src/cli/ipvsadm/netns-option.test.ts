import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { takeNetns } from './netns-option.js';

describe('--netns', () => {
  const lines: [string, string, string | undefined][] = [
    ['-Ln', '-Ln', undefined],
    ['--netns blue -Ln', '-Ln', 'blue'],
    ['-A -t 10.1.0.100:80 --netns=blue -s rr', '-A -t 10.1.0.100:80 -s rr', 'blue'],
    ['--netns blue --netns green', '', 'green'],
    ['-Ln --netns', '-Ln --netns', undefined],
    ['-Ln --netnsx', '-Ln --netnsx', undefined],
  ];
  for (const [line, words, netns] of lines) {
    test(line, () => {
      const chosen = takeNetns(line.split(' '));
      assert.deepEqual([chosen.words.join(' '), chosen.netns], [words, netns]);
    });
  }
});
