import MediaTypes

/// What a clip or sound file holds. A stream that is missing is nil.
public struct MediaStreams: Hashable, Sendable {
    public struct Video: Hashable, Sendable {
        /// FFmpeg's name of the codec: `h264`, `vp8`, ….
        public var codec: String
        /// Of the upright picture, in pixels: of every frame that the reader delivers.
        public var width: Int
        public var height: Int
        /// Clockwise turn that the container asks for and the reader has applied: 0, 90, 180 or 270.
        public var rotation: Int
        /// Width ÷ height of one pixel, 1 where not told. Not applied to the frames.
        public var pixelAspect: Double
        /// Mean frames a second that the container declares; nil where it does not. Frames have their own times.
        public var nominalRate: Double?
        /// That the container declares.
        public var duration: TimeSpan?
        /// Of the first picture.
        public var start: Instant
    }

    public struct Audio: Hashable, Sendable {
        /// FFmpeg's name of the codec: `aac`, `opus`, ….
        public var codec: String
        /// Of the file, in Hz; the reader delivers 16 kHz mono.
        public var sourceRate: Int
        public var channels: Int
        /// That the container declares.
        public var duration: TimeSpan?
        /// Of the first sample: the sound's delay against a picture that starts at zero.
        public var start: Instant
    }

    public var video: Video?
    public var audio: Audio?
    /// Short name of the container: `mov`, `matroska`, ….
    public var container: String
    /// That the container declares; nil where it does not.
    public var duration: TimeSpan?
    /// Metadata `creation_time` as the container gives it (ISO 8601), if it does.
    public var creationTime: String?
}
