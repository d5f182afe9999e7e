/** Frames per second as a fraction: 30000/1001 must not become 29.97. */
export interface Rate {
  num: number
  den: number
}

export const fps = ({ num, den }: Rate): number => num / den

/** ffmpeg's own names; absent where the source does not say. */
export interface ColorTags {
  matrix?: string
  range?: 'tv' | 'pc'
  primaries?: string
  transfer?: string
}

/** How pictures are read. */
export interface ReadOptions {
  /**
   * How frames travel: planar 4:2:0, where a face changes only the samples under its mask, or RGB as
   * MuseTalk itself works.
   */
  samples: 'yuv' | 'rgb'
  /** Frames have a plane of alpha too, as the source does; no where unset. */
  keepAlpha?: boolean
  /** Sizes that 4:2:0 cannot have stay as they are. */
  allowOddSize: boolean
  /** As MuseTalk's own ffmpeg and OpenCV calls see a file: upright, and nothing else done to it. */
  referenceMode: boolean
}

/** What the pipeline must know of a video or a still before it decodes it. */
export interface VideoInfo {
  still: boolean
  /** Which stream of the file. */
  stream: number
  /** Size of the decoded frames: upright; square pixels and even unless the reading says else. */
  width: number
  height: number
  rate: Rate
  /** At which its pictures come; boxes of a job count those. */
  ownRate: Rate
  /** Frame pixels for each pixel of the source as shown: less than 1 for stills that were too large. */
  scale: number
  /** Pixels that a stored picture may have. */
  maxStoredPixels: number
  /** The part of the file that counts, in frames of `rate`; all of it where unset. */
  trim?: { first: number; count?: number }
  /** A frame can be found by its time, without decoding what lies before. */
  seekable: boolean
  /** Timestamps are not evenly spaced. */
  variable: boolean
  durationS?: number
  /** What the file itself says, where less would mean that it was cut. */
  statedS?: number | undefined
  /** First picture after the container's own start, seconds; seeks are relative to the latter. */
  offsetS: number
  /** The filter chain from a decoded picture to a frame of that size. */
  geometry: string
  /** yuvj420p has the planes of yuv420p; it keeps ffmpeg from rescaling full-range samples. */
  pixelFormat: 'yuv420p' | 'yuvj420p' | 'yuva420p' | 'rgb24'
  color: ColorTags
}

export interface AudioInfo {
  /** Which stream of the file. */
  stream: number
  /** The filters that put its samples where they are heard. */
  clock: string
  /** The filters that cut out the part that counts; they are in `clock` too. */
  cut?: string
  /** Stored as floats, which may be anything: NaN, infinite. */
  floats: boolean
  channels?: number
  /** Hz */
  sampleRate?: number
  /** Per channel; only where the file's own word for it is exact. */
  samples?: number
  durationS?: number
  /** What the file itself says, where less would mean that it was cut. */
  statedS?: number | undefined
}

/** One stream as ffprobe (or ffmpeg's report) describes it. */
export interface StreamInfo {
  /** Among all streams of the file. */
  index: number
  kind: 'video' | 'audio' | 'other'
  codec?: string
  /** Marked as the one that is played when nobody chooses. */
  byDefault?: boolean
  /** A picture that belongs to a recording. */
  cover?: boolean
  width?: number
  height?: number
  pixelFormat?: string
  /** Sample aspect ratio; 1 is square. */
  aspect?: number
  /** Clockwise turn that makes it upright, degrees. */
  rotation?: number
  /** Turned over as well. */
  mirrored?: boolean
  interlaced?: boolean
  average?: Rate
  base?: Rate
  frames?: number
  startS?: number
  durationS?: number
  channels?: number
  sampleRate?: number
  color?: ColorTags
}

export interface ProbeResult {
  format: string
  startS?: number
  durationS?: number
  /** That duration is a guess from the bit rate. */
  estimated?: boolean
  /** Size of the file. */
  bytes?: number
  /** How much of the file is there, by its own word for its size: 0..1. */
  share?: number
  /** What the file is in words, where it may be of a kind that is not taken. */
  what?: string
  streams: StreamInfo[]
}
