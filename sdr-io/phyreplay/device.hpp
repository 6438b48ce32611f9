// The device: what SoapySDR sees of it.
#pragma once
#include "ether.hpp"
#include "faults.hpp"
#include "signal.hpp"
#include <SoapySDR/Device.hpp>
#include <chrono>
#include <deque>
#include <mutex>

namespace phyreplay {

enum class Format { cf32, cs16, cs8 };

class Device : public SoapySDR::Device {
  public:
    explicit Device(const SoapySDR::Kwargs &kwargs);

    std::string getDriverKey() const override { return "phyreplay"; }
    std::string getHardwareKey() const override { return "replay"; }
    SoapySDR::Kwargs getHardwareInfo() const override;
    size_t getNumChannels(int direction) const override;
    bool getFullDuplex(int, size_t) const override { return true; }

    std::vector<std::string> getStreamFormats(int, size_t) const override { return {"CF32", "CS16", "CS8"}; }
    std::string getNativeStreamFormat(int, size_t, double &full_scale) const override;
    SoapySDR::Stream *setupStream(int direction, const std::string &format, const std::vector<size_t> &channels,
                                  const SoapySDR::Kwargs &args) override;
    void closeStream(SoapySDR::Stream *stream) override;
    size_t getStreamMTU(SoapySDR::Stream *) const override { return mtu_; }
    int activateStream(SoapySDR::Stream *stream, int flags, long long time, size_t n) override;
    int deactivateStream(SoapySDR::Stream *stream, int flags, long long time) override;
    int readStream(SoapySDR::Stream *stream, void *const *buffers, size_t n, int &flags, long long &time, long timeout) override;
    int writeStream(SoapySDR::Stream *stream, const void *const *buffers, size_t n, int &flags, long long time,
                    long timeout) override;
    int readStreamStatus(SoapySDR::Stream *stream, size_t &channels, int &flags, long long &time, long timeout) override;

    std::vector<std::string> listAntennas(int direction, size_t channel) const override;
    void setAntenna(int direction, size_t channel, const std::string &name) override;
    std::string getAntenna(int direction, size_t channel) const override;
    bool hasDCOffsetMode(int direction, size_t) const override { return direction == 1; }
    void setDCOffsetMode(int, size_t, bool automatic) override { automatic_dc_ = automatic; }
    bool getDCOffsetMode(int, size_t) const override { return automatic_dc_; }
    bool hasIQBalanceMode(int direction, size_t) const override { return direction == 1; }
    void setIQBalanceMode(int, size_t, bool automatic) override { automatic_iq_ = automatic; }
    bool getIQBalanceMode(int, size_t) const override { return automatic_iq_; }
    bool hasFrequencyCorrection(int, size_t) const override { return true; }
    void setFrequencyCorrection(int, size_t, double ppm) override { correction_ = ppm; }
    double getFrequencyCorrection(int, size_t) const override { return correction_; }

    std::vector<std::string> listGains(int, size_t) const override { return {"LNA", "PGA"}; }
    bool hasGainMode(int direction, size_t) const override { return direction == 1; }
    void setGainMode(int, size_t, bool automatic) override { automatic_gain_ = automatic; }
    bool getGainMode(int, size_t) const override { return automatic_gain_; }
    void setGain(int direction, size_t channel, const std::string &name, double gain) override;
    double getGain(int direction, size_t channel, const std::string &name) const override;
    SoapySDR::Range getGainRange(int direction, size_t channel, const std::string &name) const override;

    std::vector<std::string> listFrequencies(int, size_t) const override { return {"RF"}; }
    void setFrequency(int direction, size_t channel, const std::string &name, double hertz, const SoapySDR::Kwargs &) override;
    double getFrequency(int direction, size_t channel, const std::string &name) const override;
    SoapySDR::RangeList getFrequencyRange(int, size_t, const std::string &) const override { return {{0.0, 6e9}}; }

    void setSampleRate(int direction, size_t channel, double rate) override;
    double getSampleRate(int, size_t) const override { return rate_; }
    SoapySDR::RangeList getSampleRateRange(int, size_t) const override { return {{1.0, 1e9}}; }
    void setBandwidth(int direction, size_t channel, double hertz) override;
    double getBandwidth(int direction, size_t) const override { return bandwidth_[direction & 1]; }
    SoapySDR::RangeList getBandwidthRange(int, size_t) const override { return {{1e5, 1e8}}; }

    std::vector<std::string> listClockSources() const override { return {"internal", "external"}; }
    void setClockSource(const std::string &source) override;
    std::string getClockSource() const override { return clock_source_; }
    std::vector<std::string> listTimeSources() const override { return {"none", "external"}; }
    void setTimeSource(const std::string &source) override;
    std::string getTimeSource() const override { return time_source_; }
    bool hasHardwareTime(const std::string &) const override { return timestamps_; }
    long long getHardwareTime(const std::string &) const override;
    void setHardwareTime(long long time, const std::string &) override;

    SoapySDR::ArgInfoList getSettingInfo() const override;
    void writeSetting(const std::string &key, const std::string &value) override;
    std::string readSetting(const std::string &key) const override;

  private:
    using Clock = std::chrono::steady_clock;
    struct Stream {
        int direction;
        Format format;
        std::vector<size_t> channels;
        bool active = false;
    };
    struct Status {
        int code, flags;
        long long time;
    };

    Stream &known(SoapySDR::Stream *stream);
    int64_t now() const;
    int64_t time_of(int64_t position) const;
    uint64_t position_of(int64_t time) const;
    int faulty(int &flags, long long &time, long timeout, std::unique_lock<std::mutex> &lock);
    int unplugged(long timeout, std::unique_lock<std::mutex> &lock);
    void lose();
    void produce(const Stream &stream, void *const *buffers, size_t n);

    Args args_;
    std::unique_ptr<Signal> signal_;
    Ether ether_;
    Faults faults_;
    Blemishes blemishes_;
    bool plain_, paced_, timestamps_;
    size_t channels_, mtu_;
    double buffer_, full_scale_;
    Format native_;
    uint64_t noise_seed_;

    mutable std::mutex mutex_;
    double rate_, frequency_[2], bandwidth_[2] = {1e6, 1e6}, gain_[2][2] = {}, correction_ = 0.0;
    std::string antenna_[2] = {"TX/RX", "RX"}, clock_source_ = "internal", time_source_ = "none", note_;
    bool automatic_dc_ = false, automatic_iq_ = false, automatic_gain_ = false;

    // The receiver: numbers of samples by its own clock, lost ones included.
    std::deque<Stream> streams_; // their addresses stay
    int64_t origin_ = 0;         // time of sample 0
    uint64_t position_ = 0, delivered_ = 0, losses_ = 0, next_loss_, next_timeout_;
    int64_t shift_ = 0; // samples by which the shown time is wrong from now on
    bool begun_ = false, tell_late_ = false, just_lost_ = false, start_late_ = false, unplugged_ = false;
    Clock::time_point stalled_until_{};
    bool stalled_ = false;
    std::deque<Status> receive_status_, transmit_status_;

    // The transmitter.
    int64_t transmit_time_ = 0;
    bool transmitting_ = false;
    std::vector<Sample> scratch_;
};

} // namespace phyreplay
