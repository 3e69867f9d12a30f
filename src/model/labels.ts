/** Labels that every image carries. They are inherited, so every build sets all of them. */
export const keyLabel = 'image-tasks.key';
export const taskLabel = 'image-tasks.task';
/** JSON: for each needed task the image id, or digest of files, that this image was made with. */
export const needsLabel = 'image-tasks.needs';

/** That every container of a test carries: JSON, who runs it. */
export const testOwnerLabel = 'image-tasks.test-owner';
