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
  /** Sizes that 4:2:0 cannot have stay as they are. */
  allowOddSize: boolean
  /** As MuseTalk's own ffmpeg and OpenCV calls see a file: upright, and nothing else done to it. */
  referenceMode: boolean
}

/** What the pipeline must know of a video or a still before it decodes it. */
export interface VideoInfo {
  still: boolean
  /** Size of the decoded frames: upright; square pixels and even unless the reading says else. */
  width: number
  height: number
  rate: Rate
  /** Timestamps are not evenly spaced. */
  variable: boolean
  durationS?: number
  /** First picture after the container's own start, seconds; seeks are relative to the latter. */
  offsetS: number
  /** `geometry` turns a photo by its EXIF; some versions of ffmpeg would do so once more. */
  turnedByExif: boolean
  /** The filter chain from a decoded picture to a frame of that size. */
  geometry: string
  /** yuvj420p has the planes of yuv420p; it keeps ffmpeg from rescaling full-range samples. */
  pixelFormat: 'yuv420p' | 'yuvj420p' | 'rgb24'
  color: ColorTags
}

export interface AudioInfo {
  /** Stored as floats, which may be anything: NaN, infinite. */
  floats: boolean
  channels?: number
  /** Hz */
  sampleRate?: number
  /** Per channel; only where the file's own word for it is exact. */
  samples?: number
  durationS?: number
}

/** One stream as ffprobe (or ffmpeg's report) describes it. */
export interface StreamInfo {
  kind: 'video' | 'audio' | 'other'
  codec?: string
  cover?: boolean
  width?: number
  height?: number
  pixelFormat?: string
  /** Sample aspect ratio; 1 is square. */
  aspect?: number
  /** Clockwise turn that makes it upright, degrees. */
  rotation?: number
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
  streams: StreamInfo[]
}
