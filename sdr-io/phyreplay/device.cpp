#include "device.hpp"
#include <SoapySDR/Registry.hpp>
#include <algorithm>
#include <ctime>

namespace phyreplay {
namespace {

const char *const FORMATS[] = {"CF32", "CS16", "CS8"};

uint64_t name_seed(const std::string &text) {
    uint64_t seed = 7;
    for (const char c : text) seed = mix(seed, uint64_t(uint8_t(c)));
    return seed;
}

void wait(const int64_t nanoseconds) {
    timespec t{time_t(nanoseconds / 1000000000), long(nanoseconds % 1000000000)};
    if (nanoseconds > 0) nanosleep(&t, nullptr);
}

void listed(const std::vector<std::string> &names, const std::string &name, const char *what) {
    if (std::find(names.begin(), names.end(), name) == names.end())
        throw std::runtime_error(std::string("phyreplay: there is no ") + what + " " + name);
}

} // namespace

Device::Device(const SoapySDR::Kwargs &kwargs)
    : args_(kwargs), signal_(make_signal(args_)), ether_(args_), faults_(args_), blemishes_(args_) {
    const auto most = uint64_t(1) << 40;
    plain_ = blemishes_.dc == 0.0 && blemishes_.level_db == 0.0 && blemishes_.noise_db <= -1000.0 && blemishes_.agc_every == 0;
    paced_ = args_.flag("pace", true);
    timestamps_ = args_.flag("timestamps", true);
    channels_ = args_.count("channels", 2, 64);
    mtu_ = args_.count("mtu", 65536, 1 << 24);
    buffer_ = args_.number("buffer", 0.5, 1e-3, 1e3);
    rate_ = args_.number("rate", signal_->sample_rate > 0 ? signal_->sample_rate : 1e6, 1.0, 1e9);
    frequency_[0] = frequency_[1] = args_.number("freq", signal_->frequency, 0.0, 1e12);
    native_ = Format(args_.choice("native", FORMATS));
    full_scale_ = args_.number("fullscale", native_ == Format::cf32 ? 1.0 : native_ == Format::cs16 ? 32768.0 : 128.0, 1.0, 32768.0);
    noise_seed_ = mix(faults_.seed, name_seed(args_.text("id", "")));
    args_.text("serial", ""); // tells two devices of one process apart
    args_.refuse_unknown();
    if (channels_ < 1 || mtu_ < 1) throw std::runtime_error("phyreplay: channels and mtu must be at least 1");
    next_loss_ = faults_.every ? faults_.every : most * 1024;
    next_timeout_ = faults_.timeout_every ? faults_.timeout_every : most * 1024;
}

SoapySDR::Kwargs Device::getHardwareInfo() const {
    return {{"origin", "phy-sec"}, {"what", "recordings, counting samples and faults, as if they came from a radio"}};
}

size_t Device::getNumChannels(const int direction) const { return direction == SOAPY_SDR_RX ? channels_ : ether_.transmits() ? 1 : 0; }

std::string Device::getNativeStreamFormat(int, size_t, double &full_scale) const {
    full_scale = full_scale_;
    return FORMATS[int(native_)];
}

SoapySDR::Stream *Device::setupStream(const int direction, const std::string &format, const std::vector<size_t> &channels,
                                      const SoapySDR::Kwargs &) {
    const auto found = std::find(std::begin(FORMATS), std::end(FORMATS), format);
    if (found == std::end(FORMATS)) throw std::runtime_error("phyreplay: there is no stream format " + format);
    Stream stream{direction, Format(found - std::begin(FORMATS)), channels.empty() ? std::vector<size_t>{0} : channels};
    for (const size_t channel : stream.channels)
        if (channel >= getNumChannels(direction))
            throw std::runtime_error("phyreplay: there is no channel " + std::to_string(channel) +
                                     (direction == SOAPY_SDR_TX ? " to transmit on (tx=loop, tx=FILE or air=FOLDER give one)" : ""));
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &other : streams_)
        if (other.direction == direction) throw std::runtime_error("phyreplay: a stream of this direction is open already");
    streams_.push_back(std::move(stream));
    return reinterpret_cast<SoapySDR::Stream *>(&streams_.back());
}

Device::Stream &Device::known(SoapySDR::Stream *stream) {
    for (auto &own : streams_)
        if (reinterpret_cast<SoapySDR::Stream *>(&own) == stream) return own;
    throw std::runtime_error("phyreplay: the stream is closed");
}

void Device::closeStream(SoapySDR::Stream *stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    // At most one of each direction: erasing an end of a deque leaves the other where it is.
    if (&known(stream) == &streams_.front()) streams_.pop_front();
    else streams_.pop_back();
}

int64_t Device::now() const {
    if (!paced_) return time_of(int64_t(position_));
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

int64_t Device::time_of(int64_t position) const {
    return origin_ + int64_t(std::llround((long double)(position) * 1e9L / (long double)(rate_)));
}

uint64_t Device::position_of(int64_t time) const {
    return time <= origin_ ? 0 : uint64_t(std::ceil((long double)(time - origin_) * (long double)(rate_) * 1e-9L - 1e-3L));
}

int Device::activateStream(SoapySDR::Stream *handle, const int flags, const long long time, const size_t) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Stream &stream = known(handle);
    stream.active = true;
    if (stream.direction == SOAPY_SDR_TX) return 0;
    if (!begun_) origin_ = paced_ ? now() : 0;
    begun_ = true;
    if (paced_) position_ = std::max(position_, position_of(now()));
    if (flags & SOAPY_SDR_HAS_TIME) {
        if (time < time_of(int64_t(position_))) start_late_ = true;
        else position_ = position_of(time);
    }
    return 0;
}

int Device::deactivateStream(SoapySDR::Stream *handle, int, long long) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (unplugged_ && faults_.unplug == Faults::exception) throw std::runtime_error("phyreplay: the device is gone");
    known(handle).active = false;
    return unplugged_ ? SOAPY_SDR_STREAM_ERROR : 0;
}

int Device::unplugged(const long timeout, std::unique_lock<std::mutex> &lock) {
    switch (faults_.unplug) {
    case Faults::error: return SOAPY_SDR_STREAM_ERROR;
    case Faults::silent:
        lock.unlock();
        wait(int64_t(timeout) * 1000);
        return SOAPY_SDR_TIMEOUT;
    case Faults::exception: throw std::runtime_error("phyreplay: the device is gone");
    case Faults::unsupported: return SOAPY_SDR_NOT_SUPPORTED;
    case Faults::zero: return 0;
    }
    return SOAPY_SDR_STREAM_ERROR;
}

// Samples disappear before the next block.
void Device::lose() {
    const uint64_t lost = faults_.lost(losses_++);
    position_ += lost;
    next_loss_ += faults_.every;
    just_lost_ = true;
    if (faults_.clock == Faults::frozen) shift_ -= int64_t(lost);
    if (faults_.clock == Faults::reset) shift_ = -int64_t(position_) - int64_t((long double)(origin_) * (long double)(rate_) * 1e-9L);
}

// The return value that comes in place of samples, or 0 where samples come.
int Device::faulty(int &flags, long long &time, const long timeout, std::unique_lock<std::mutex> &lock) {
    if (unplugged_ || delivered_ >= faults_.unplug_at) {
        unplugged_ = true;
        return unplugged(timeout, lock);
    }
    if (start_late_) {
        start_late_ = false;
        return SOAPY_SDR_TIME_ERROR;
    }
    if (tell_late_) {
        tell_late_ = false;
        return SOAPY_SDR_OVERFLOW;
    }
    if (faults_.stall_seconds > 0 && delivered_ >= faults_.stall_at) {
        if (!stalled_) stalled_until_ = Clock::now() + std::chrono::microseconds(int64_t(faults_.stall_seconds * 1e6));
        stalled_ = true;
        const auto left = stalled_until_ - Clock::now();
        if (left > Clock::duration::zero()) {
            const auto us = std::min<int64_t>(timeout, std::chrono::duration_cast<std::chrono::microseconds>(left).count() + 1);
            lock.unlock();
            wait(us * 1000);
            lock.lock();
            return SOAPY_SDR_TIMEOUT;
        }
    }
    if (delivered_ >= next_timeout_) {
        next_timeout_ += faults_.timeout_every;
        return SOAPY_SDR_TIMEOUT;
    }
    if (delivered_ >= next_loss_) {
        lose();
        switch (faults_.code) {
        case Faults::in_line:
            flags = timestamps_ ? SOAPY_SDR_HAS_TIME : 0;
            time = time_of(int64_t(position_) + shift_);
            return SOAPY_SDR_OVERFLOW;
        case Faults::status: receive_status_.push_back({SOAPY_SDR_OVERFLOW, 0, 0}); break;
        case Faults::late: tell_late_ = true; break;
        case Faults::timeout: return SOAPY_SDR_TIMEOUT;
        case Faults::none:
        case Faults::abrupt: break;
        }
    }
    return 0;
}

int Device::readStream(SoapySDR::Stream *handle, void *const *buffers, size_t n, int &flags, long long &time, const long timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    const Stream &stream = known(handle);
    flags = 0;
    if (!stream.active || stream.direction != SOAPY_SDR_RX) return SOAPY_SDR_STREAM_ERROR;
    const int instead = faulty(flags, time, timeout, lock);
    if (instead < 0 || unplugged_) return instead;
    n = std::min(n, mtu_);
    if (faults_.short_reads) n = 1 + size_t(mix(faults_.seed + 1, delivered_) % n);
    n = std::min<uint64_t>({n, next_loss_ - delivered_, next_timeout_ - delivered_, faults_.unplug_at - delivered_});
    if (faults_.stall_seconds > 0 && delivered_ < faults_.stall_at) n = std::min<uint64_t>(n, faults_.stall_at - delivered_);
    if (position_ >= signal_->samples()) { // the recording is over
        lock.unlock();
        wait(int64_t(timeout) * 1000);
        return SOAPY_SDR_TIMEOUT;
    }
    n = std::min<uint64_t>(n, signal_->samples() - position_);
    if (paced_) {
        const auto until = Clock::now() + std::chrono::microseconds(timeout);
        const int64_t due = time_of(int64_t(position_ + n));
        for (int64_t left = due - now(); left > 0; left = due - now()) {
            if (Clock::now() >= until) {
                const uint64_t ready = position_of(now());
                if (ready <= position_) return SOAPY_SDR_TIMEOUT;
                n = std::min<uint64_t>(n, ready - position_);
                break;
            }
            const auto most = std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now()).count();
            const int64_t pause = std::min<int64_t>(left, std::max<int64_t>(most, 1));
            lock.unlock();
            wait(pause);
            lock.lock();
            if (!stream.active) return SOAPY_SDR_STREAM_ERROR;
        }
        // A reader that is too slow loses what the buffer cannot hold, as with any radio.
        const uint64_t ready = position_of(now());
        if (ready > position_ && double(ready - position_) > buffer_ * rate_) {
            position_ = ready;
            just_lost_ = false;
            return SOAPY_SDR_OVERFLOW;
        }
    }
    produce(stream, buffers, n);
    const bool lost = just_lost_;
    just_lost_ = false;
    if (timestamps_ && !(lost && faults_.clock == Faults::missing)) {
        flags |= SOAPY_SDR_HAS_TIME;
        time = time_of(int64_t(position_) + shift_);
        if (lost && faults_.clock == Faults::backward) time -= 1000000000;
        if (lost && faults_.clock == Faults::bogus) time = 4000000000000000000;
    }
    position_ += n;
    delivered_ += n;
    if (faults_.code == Faults::abrupt && delivered_ == next_loss_) flags |= SOAPY_SDR_END_ABRUPT;
    if (position_ == signal_->samples()) flags |= SOAPY_SDR_END_BURST;
    return int(n);
}

void Device::produce(const Stream &stream, void *const *buffers, const size_t n) {
    const int bits = stream.format == Format::cs8 ? 8 : 16;
    const float scale = stream.format == native_ ? float(full_scale_) : stream.format == Format::cs16 ? 32768.0f : 128.0f;
    for (size_t row = 0; row < stream.channels.size(); row++) {
        const size_t channel = stream.channels[row];
        Sample *x = static_cast<Sample *>(buffers[row]);
        if (stream.format != Format::cf32) {
            scratch_.resize(n);
            x = scratch_.data();
        }
        signal_->get(channel, position_, n, bits, x);
        ether_.receive(time_of(int64_t(position_)), rate_, n, x);
        if (!plain_) {
            const float level = float(std::pow(10.0, blemishes_.level_db / 20)), noise = float(std::pow(10.0, blemishes_.noise_db / 20) / std::sqrt(2.0));
            const float step = float(std::pow(10.0, blemishes_.agc_step_db / 20)), dc = float(blemishes_.dc);
            for (size_t i = 0; i < n; i++) {
                const uint64_t place = position_ + i;
                Sample y = x[i];
                if (blemishes_.noise_db > -1000.0) {
                    const double radius = std::sqrt(-2 * std::log(1 - uniform(noise_seed_ + channel, 2 * place)));
                    y += noise * Sample(std::polar(radius, 2 * M_PI * uniform(noise_seed_ + channel, 2 * place + 1)));
                }
                y *= level;
                if (blemishes_.agc_every && place / blemishes_.agc_every % 2) y *= step;
                y += Sample(dc, dc);
                x[i] = {std::clamp(y.real(), -1.0f, 1.0f), std::clamp(y.imag(), -1.0f, 1.0f)};
            }
        }
        const auto code = [scale](float v) { return std::lrint(std::clamp(v * scale, -scale, scale - 1)); };
        if (stream.format == Format::cs16)
            for (size_t i = 0; i < n; i++) {
                static_cast<int16_t *>(buffers[row])[2 * i] = int16_t(code(x[i].real()));
                static_cast<int16_t *>(buffers[row])[2 * i + 1] = int16_t(code(x[i].imag()));
            }
        else if (stream.format == Format::cs8)
            for (size_t i = 0; i < n; i++) {
                static_cast<int8_t *>(buffers[row])[2 * i] = int8_t(code(x[i].real()));
                static_cast<int8_t *>(buffers[row])[2 * i + 1] = int8_t(code(x[i].imag()));
            }
    }
}

int Device::writeStream(SoapySDR::Stream *handle, const void *const *buffers, const size_t n, int &flags, const long long time,
                        const long timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    const Stream &stream = known(handle);
    if (!stream.active || stream.direction != SOAPY_SDR_TX) return SOAPY_SDR_STREAM_ERROR;
    const size_t count = std::min(n, mtu_);
    if (flags & SOAPY_SDR_HAS_TIME) {
        if (time < now()) {
            transmit_status_.push_back({SOAPY_SDR_TIME_ERROR, SOAPY_SDR_HAS_TIME, time});
            return int(n); // taken and thrown away, as radios do
        }
        transmit_time_ = time;
    } else if (!transmitting_) {
        transmit_time_ = now() + 1000000;
    } else if (transmit_time_ < now()) {
        transmit_status_.push_back({SOAPY_SDR_UNDERFLOW, SOAPY_SDR_HAS_TIME, transmit_time_});
        transmit_time_ = now() + 1000000;
    }
    // A tenth of a second waits in the device at most; whoever writes faster waits.
    const int64_t early = transmit_time_ - now() - 100000000;
    if (paced_ && early > 0 && !(flags & SOAPY_SDR_HAS_TIME)) {
        const int64_t pause = std::min<int64_t>(early, int64_t(timeout) * 1000);
        lock.unlock();
        wait(pause);
        lock.lock();
        if (pause < early) return SOAPY_SDR_TIMEOUT;
    }
    std::vector<Sample> x(count);
    for (size_t i = 0; i < count; i++) switch (stream.format) {
        case Format::cf32: x[i] = static_cast<const Sample *>(buffers[0])[i]; break;
        case Format::cs16: {
            const auto *p = static_cast<const int16_t *>(buffers[0]) + 2 * i;
            x[i] = Sample(p[0], p[1]) / (native_ == Format::cs16 ? float(full_scale_) : 32768.0f);
            break;
        }
        case Format::cs8: {
            const auto *p = static_cast<const int8_t *>(buffers[0]) + 2 * i;
            x[i] = Sample(p[0], p[1]) / (native_ == Format::cs8 ? float(full_scale_) : 128.0f);
            break;
        }
        }
    ether_.send(transmit_time_, rate_, x.data(), count);
    transmit_time_ += int64_t(std::llround(double(count) * 1e9 / rate_));
    transmitting_ = !((flags & SOAPY_SDR_END_BURST) && count == n);
    if (!transmitting_) transmit_status_.push_back({0, SOAPY_SDR_END_BURST | SOAPY_SDR_HAS_TIME, transmit_time_});
    while (transmit_status_.size() > 1024) transmit_status_.pop_front();
    return int(count);
}

int Device::readStreamStatus(SoapySDR::Stream *handle, size_t &channels, int &flags, long long &time, const long timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    const Stream &stream = known(handle);
    const bool receives = stream.direction == SOAPY_SDR_RX;
    if (receives && faults_.code != Faults::status) return SOAPY_SDR_NOT_SUPPORTED;
    auto &queue = receives ? receive_status_ : transmit_status_;
    if (queue.empty() && timeout > 0) {
        lock.unlock();
        wait(std::min(timeout, 1000L) * 1000);
        lock.lock();
    }
    if (queue.empty()) return SOAPY_SDR_TIMEOUT;
    const Status status = queue.front();
    queue.pop_front();
    channels = 1;
    flags = status.flags;
    time = status.time;
    return status.code;
}

std::vector<std::string> Device::listAntennas(const int direction, size_t) const {
    return direction == SOAPY_SDR_RX ? std::vector<std::string>{"RX", "TX/RX"} : std::vector<std::string>{"TX/RX"};
}

void Device::setAntenna(const int direction, const size_t channel, const std::string &name) {
    listed(listAntennas(direction, channel), name, "antenna");
    antenna_[direction & 1] = name;
}

std::string Device::getAntenna(const int direction, size_t) const { return antenna_[direction & 1]; }

void Device::setGain(const int direction, const size_t channel, const std::string &name, const double gain) {
    listed(listGains(direction, channel), name, "gain");
    const auto range = getGainRange(direction, channel, name);
    gain_[direction & 1][name == "PGA"] = std::clamp(gain, range.minimum(), range.maximum()); // in silence, as drivers do
}

double Device::getGain(const int direction, size_t, const std::string &name) const { return gain_[direction & 1][name == "PGA"]; }

SoapySDR::Range Device::getGainRange(int, size_t, const std::string &name) const {
    return name == "PGA" ? SoapySDR::Range(0.0, 20.0, 1.0) : SoapySDR::Range(0.0, 40.0, 1.0);
}

void Device::setFrequency(const int direction, size_t, const std::string &name, const double hertz, const SoapySDR::Kwargs &) {
    listed({"RF"}, name, "frequency");
    frequency_[direction & 1] = std::clamp(hertz, 0.0, 6e9) * (1 + faults_.frequency_ppm * 1e-6);
}

double Device::getFrequency(const int direction, size_t, const std::string &) const { return frequency_[direction & 1]; }

void Device::setSampleRate(int, size_t, const double rate) {
    if (!(rate > 0)) throw std::runtime_error("phyreplay: the sample rate must be above 0");
    const std::lock_guard<std::mutex> lock(mutex_);
    rate_ = std::clamp(rate, 1.0, 1e9) * (1 + faults_.rate_ppm * 1e-6);
}

void Device::setBandwidth(const int direction, size_t, const double hertz) { bandwidth_[direction & 1] = std::clamp(hertz, 1e5, 1e8); }

void Device::setClockSource(const std::string &source) {
    listed(listClockSources(), source, "clock source");
    clock_source_ = source;
}

void Device::setTimeSource(const std::string &source) {
    listed(listTimeSources(), source, "time source");
    time_source_ = source;
}

long long Device::getHardwareTime(const std::string &) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return now();
}

void Device::setHardwareTime(long long, const std::string &) {
    throw std::runtime_error("phyreplay: the time is the computer's and cannot be set");
}

SoapySDR::ArgInfoList Device::getSettingInfo() const {
    SoapySDR::ArgInfo note;
    note.key = "note";
    note.name = "Note";
    note.description = "Any text; it changes nothing";
    note.type = SoapySDR::ArgInfo::STRING;
    return {note};
}

void Device::writeSetting(const std::string &key, const std::string &value) {
    listed({"note"}, key, "setting");
    note_ = value;
}

std::string Device::readSetting(const std::string &key) const {
    listed({"note"}, key, "setting");
    return note_;
}

} // namespace phyreplay

// SoapySDR tells devices apart by what is found: with all that was asked for in it, other arguments are another device.
static SoapySDR::KwargsList find_phyreplay(const SoapySDR::Kwargs &args) {
    SoapySDR::Kwargs found = args;
    found["label"] = "phyreplay: recordings and faults as if from a radio";
    return {found};
}

static SoapySDR::Device *make_phyreplay(const SoapySDR::Kwargs &args) { return new phyreplay::Device(args); }

static const SoapySDR::Registry registration("phyreplay", &find_phyreplay, &make_phyreplay, SOAPY_SDR_ABI_VERSION);
