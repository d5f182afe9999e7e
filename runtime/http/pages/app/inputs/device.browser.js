// The camera and the microphone.

/**
 * Asks for one of them.
 * @param {MediaStreamConstraints} wanted
 * @returns {Promise<MediaStream>}
 */
export async function openDevice(wanted) {
  if (navigator.mediaDevices) return navigator.mediaDevices.getUserMedia(wanted)
  throw new Error('browsers lend it only to pages by https, and to those of this computer')
}
