import fc from 'fast-check';

// Loaded before each file of the soak run: properties that name no number of their own get this.
fc.configureGlobal({ numRuns: 3_000 });
