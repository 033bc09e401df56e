/** Who was refused what, the newest first. */

import { useQuery } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { AuditRecords } from "@/api/types";
import { Ago, Button, type Column, Failure, SkeletonRows, Table } from "@/components";
import { adminWords } from "@/words/cluster";

const say = adminWords.audit;

type AuditRecord = Record<string, unknown>;

export function Audit() {
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["audit"],
    queryFn: ({ signal }) => api.get<AuditRecords>("/v1/admin/audit", { limit: 500 }, signal),
    staleTime: 0,
  });
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={10} />;
  return (
    <>
      <div>
        <Button icon="again" busy={isFetching} onClick={() => void refetch()}>
          {say.again}
        </Button>
      </div>
      {data.records.length === 0 ? (
        <p className="muted">{say.none}</p>
      ) : (
        <Table label={say.label} columns={COLUMNS} rows={numbered(data.records)} rowKey={({ key }) => key} />
      )}
    </>
  );
}

interface Row {
  key: string;
  record: AuditRecord;
}

function numbered(records: readonly AuditRecord[]): Row[] {
  return records.map((record, index) => ({ key: `${records.length - index}`, record }));
}

function text(record: AuditRecord, name: string): string {
  const value = record[name];
  return value === null || value === undefined ? "" : String(value);
}

const COLUMNS: Column<Row>[] = [
  { key: "at", title: say.columns.at, cell: ({ record }) => <Ago at={text(record, "at")} />, width: "112px" },
  { key: "user", title: say.columns.user, cell: ({ record }) => text(record, "user") || <span className="muted">{say.nobody}</span>, width: "144px" },
  { key: "event", title: say.columns.event, cell: ({ record }) => `${text(record, "event")} ${text(record, "status")} ${text(record, "code")}`, width: "240px", from: 900 },
  { key: "request", title: say.columns.request, cell: ({ record }) => <code title={text(record, "request")}>{text(record, "request")}</code> },
  { key: "from", title: say.columns.from, cell: ({ record }) => text(record, "from"), width: "200px", from: 900 },
];
