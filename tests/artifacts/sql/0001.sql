CREATE TABLE lens_gate_artifact_chunks (
	"key" VARCHAR(512) NOT NULL, 
	number INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY ("key", number), 
	FOREIGN KEY("key") REFERENCES lens_gate_artifacts ("key")
);
CREATE TABLE lens_gate_artifacts (
	"key" VARCHAR(512) NOT NULL, 
	version VARCHAR(32) NOT NULL, 
	size BIGINT NOT NULL, 
	kind VARCHAR(40), 
	root VARCHAR(512), 
	day VARCHAR(10), 
	created_at VARCHAR(40), 
	entry TEXT, 
	benchmark_id CHAR(32), 
	stored_at DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY ("key"), 
	FOREIGN KEY(benchmark_id) REFERENCES lens_gate_benchmarks (id)
);
CREATE TABLE lens_gate_benchmarks (
	id CHAR(32) NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	commit_sha VARCHAR(64), 
	branch VARCHAR(500), 
	start_time DATETIME NOT NULL, 
	end_time DATETIME NOT NULL, 
	duration_seconds DOUBLE NOT NULL, 
	config JSON, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY (id)
);
CREATE TABLE lens_gate_results (
	id CHAR(32) NOT NULL, 
	benchmark_id CHAR(32) NOT NULL, 
	provider VARCHAR(500) NOT NULL, 
	model VARCHAR(500) NOT NULL, 
	request_count INTEGER NOT NULL, 
	success_count INTEGER NOT NULL, 
	error_count INTEGER NOT NULL, 
	mean_latency_ms DOUBLE, 
	median_latency_ms DOUBLE, 
	p95_latency_ms DOUBLE, 
	p99_latency_ms DOUBLE, 
	ttft_mean_ms DOUBLE, 
	ttft_p95_ms DOUBLE, 
	tokens_per_second DOUBLE, 
	total_tokens BIGINT, 
	total_cost_usd DOUBLE, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY (id), 
	FOREIGN KEY(benchmark_id) REFERENCES lens_gate_benchmarks (id)
);
CREATE TABLE lens_gate_schema_revision (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT lens_gate_schema_revision_pkc PRIMARY KEY (version_num)
);
CREATE TABLE lens_gate_time_series (
	id CHAR(32) NOT NULL, 
	result_id CHAR(32) NOT NULL, 
	timestamp DATETIME NOT NULL, 
	rps DOUBLE, 
	tokens_per_second DOUBLE, 
	mean_latency_ms DOUBLE, 
	p95_latency_ms DOUBLE, 
	error_rate DOUBLE, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY (id), 
	FOREIGN KEY(result_id) REFERENCES lens_gate_results (id)
);
CREATE INDEX idx_lens_gate_artifacts_benchmark ON lens_gate_artifacts (benchmark_id);
CREATE INDEX idx_lens_gate_artifacts_day ON lens_gate_artifacts (root, day, created_at, "key");
CREATE INDEX idx_lens_gate_benchmarks_branch ON lens_gate_benchmarks (branch);
CREATE INDEX idx_lens_gate_benchmarks_commit ON lens_gate_benchmarks (commit_sha);
CREATE INDEX idx_lens_gate_benchmarks_start_time ON lens_gate_benchmarks (start_time);
CREATE INDEX idx_lens_gate_results_benchmark ON lens_gate_results (benchmark_id);
CREATE INDEX idx_lens_gate_results_model ON lens_gate_results (model);
CREATE INDEX idx_lens_gate_time_series_result ON lens_gate_time_series (result_id);
CREATE INDEX idx_lens_gate_time_series_timestamp ON lens_gate_time_series (timestamp);
