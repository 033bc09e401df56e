# A terminal is opened beside this; the job holds what was asked for until it is ended.
exec sleep infinity
