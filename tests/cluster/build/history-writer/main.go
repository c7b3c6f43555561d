// Command history-writer stores series of any age as one block of a Prometheus: `history-writer FOLDER < series`.
//
// promtool does that for text in OpenMetrics format, which can hold neither native histograms nor staleness markers.
// Each series comes as a line of JSON, {"labels": {…}, "samples": 3, "schema": 0, "buckets": [-2, 0, 1]}, followed by
// little-endian numbers: times (int64, unix milliseconds), then values (float64). A histogram, which is what has
// buckets, has the sums as its values, and after them the counts of its buckets (int64, a row per sample). A value
// with the bits of a staleness marker is one.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

const (
	// A block writer takes samples up to half of this older than the newest: half a year of history in any order.
	blockRange = 365 * 24 * time.Hour
	perCommit  = 10_000 // samples; bounds what an appender holds
)

type series struct {
	Labels  map[string]string `json:"labels"`
	Samples int               `json:"samples"`
	Schema  int32             `json:"schema"`
	Buckets []int32           `json:"buckets"` // indexes, ascending; none: floats
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: history-writer FOLDER < series")
		os.Exit(2)
	}
	if err := write(os.Args[1], bufio.NewReaderSize(os.Stdin, 1<<20)); err != nil {
		fmt.Fprintln(os.Stderr, "history-writer:", err)
		os.Exit(1)
	}
}

func write(folder string, in *bufio.Reader) (err error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	writer, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), folder, blockRange.Milliseconds())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	ctx := context.Background()
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil {
			return err
		}
		var one series
		if err := json.Unmarshal(line, &one); err != nil {
			return err
		}
		if err := one.store(ctx, writer, in); err != nil {
			return fmt.Errorf("%v: %w", one.Labels, err)
		}
	}
	_, err = writer.Flush(ctx)
	return err
}

func (s *series) store(ctx context.Context, writer *tsdb.BlockWriter, in io.Reader) error {
	times := make([]int64, s.Samples)
	values := make([]float64, s.Samples)
	counts := make([]int64, s.Samples*len(s.Buckets))
	for _, numbers := range []any{times, values, counts} {
		if err := binary.Read(in, binary.LittleEndian, numbers); err != nil {
			return err
		}
	}
	set := labels.FromMap(s.Labels)
	app := writer.Appender(ctx)
	for i, at := range times {
		if err := s.append(app, set, at, values[i], counts[i*len(s.Buckets):(i+1)*len(s.Buckets)]); err != nil {
			return errors.Join(err, app.Rollback())
		}
		if i%perCommit == perCommit-1 {
			if err := app.Commit(); err != nil {
				return err
			}
			app = writer.Appender(ctx)
		}
	}
	return app.Commit()
}

func (s *series) append(app storage.Appender, set labels.Labels, at int64, v float64, counts []int64) error {
	if len(s.Buckets) == 0 {
		_, err := app.Append(0, set, at, v)
		return err
	}
	h := &histogram.Histogram{Sum: v}
	if !value.IsStaleNaN(v) {
		h = s.histogram(v, counts)
	}
	_, err := app.AppendHistogram(0, set, at, h, nil)
	return err
}

func (s *series) histogram(sum float64, counts []int64) *histogram.Histogram {
	h := &histogram.Histogram{Schema: s.Schema, ZeroThreshold: 1e-128, Sum: sum}
	next, before := int32(0), int64(0)
	for i, index := range s.Buckets {
		if i > 0 && index == next {
			h.PositiveSpans[len(h.PositiveSpans)-1].Length++
		} else {
			h.PositiveSpans = append(h.PositiveSpans, histogram.Span{Offset: index - next, Length: 1})
		}
		next = index + 1
		h.PositiveBuckets = append(h.PositiveBuckets, counts[i]-before)
		before = counts[i]
		h.Count += uint64(counts[i])
	}
	return h
}
