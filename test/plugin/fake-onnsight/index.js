export const version = 'fake';
