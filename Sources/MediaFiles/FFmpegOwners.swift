import CFFmpeg

// Each owner holds one object of FFmpeg's libraries and frees it in its deinit. Thread-bound.

/// A packet of coded data.
@safe struct Packet: ~Copyable {
    let pointer: UnsafeMutablePointer<AVPacket>

    init() { unsafe pointer = av_packet_alloc()! }

    deinit {
        var p: UnsafeMutablePointer<AVPacket>? = unsafe pointer
        unsafe av_packet_free(&p)
    }

    func clear() { unsafe av_packet_unref(pointer) }
}

/// A decoded picture or run of sound, reference counted by FFmpeg.
@safe struct Frame: ~Copyable {
    let pointer: UnsafeMutablePointer<AVFrame>

    init() { unsafe pointer = av_frame_alloc()! }

    deinit {
        var p: UnsafeMutablePointer<AVFrame>? = unsafe pointer
        unsafe av_frame_free(&p)
    }

    func clear() { unsafe av_frame_unref(pointer) }
}

/// A decoder or encoder.
@safe struct Codec: ~Copyable {
    let pointer: UnsafeMutablePointer<AVCodecContext>

    init(_ codec: UnsafePointer<AVCodec>) { unsafe pointer = avcodec_alloc_context3(codec)! }

    deinit {
        var p: UnsafeMutablePointer<AVCodecContext>? = unsafe pointer
        unsafe avcodec_free_context(&p)
    }
}

/// A picture scaler and pixel format converter, made again when its formats change.
@safe struct Scaler: ~Copyable {
    struct Format: Equatable {
        var width: Int32
        var height: Int32
        var pixels: AVPixelFormat
        /// Coefficients as `SWS_CS_…` and range, 1 for full.
        var matrix: Int32
        var isFullRange: Bool
    }

    private(set) var pointer: OpaquePointer?
    private var source: Format?
    private var target: Format?

    init() { unsafe pointer = nil }

    deinit { unsafe sws_freeContext(pointer) }

    /// False where FFmpeg cannot convert between the two.
    mutating func prepare(from source: Format, to target: Format, flags: Int32) -> Bool {
        if source == self.source, target == self.target { return unsafe pointer != nil }
        unsafe sws_freeContext(pointer)
        self.source = source
        self.target = target
        unsafe pointer = sws_getContext(
            source.width, source.height, source.pixels, target.width, target.height, target.pixels, flags, nil, nil, nil)
        guard let context = unsafe pointer else { return false }
        // Negative where neither side is YCbCr: there is nothing to set.
        _ = unsafe sws_setColorspaceDetails(
            context, sws_getCoefficients(source.matrix), source.isFullRange ? 1 : 0,
            sws_getCoefficients(target.matrix), target.isFullRange ? 1 : 0, 0, 1 << 16, 1 << 16)
        return true
    }
}

/// A sound resampler to interleaved float, made again for each run of samples.
@safe struct Resampler: ~Copyable {
    private(set) var pointer: OpaquePointer?

    init() { unsafe pointer = nil }

    deinit {
        var p: OpaquePointer? = unsafe pointer
        unsafe swr_free(&p)
    }

    /// Starts anew for sound like `source`; false where FFmpeg cannot convert it.
    mutating func open(like source: borrowing Frame, channels: Int32, rate: Int32) -> Bool {
        unsafe swr_free(&pointer)
        var input = unsafe AVChannelLayout()
        if unsafe source.pointer.pointee.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC {
            unsafe av_channel_layout_default(&input, source.pointer.pointee.ch_layout.nb_channels)
        } else {
            _ = unsafe av_channel_layout_copy(&input, &source.pointer.pointee.ch_layout)
        }
        var output = unsafe AVChannelLayout()
        unsafe av_channel_layout_default(&output, channels)
        defer {
            unsafe av_channel_layout_uninit(&input)
            unsafe av_channel_layout_uninit(&output)
        }
        let made = unsafe swr_alloc_set_opts2(
            &pointer, &output, AV_SAMPLE_FMT_FLT, rate, &input, AVSampleFormat(rawValue: source.pointer.pointee.format),
            source.pointer.pointee.sample_rate, 0, nil)
        guard made >= 0, let ready = unsafe pointer else { return false }
        // Float sound is not normalised when channels are mixed unless asked: two channels at full scale would reach 1.41.
        _ = unsafe av_opt_set_double(UnsafeMutableRawPointer(ready), "rematrix_maxval", 1, 0)
        return unsafe swr_init(ready) >= 0
    }
}
