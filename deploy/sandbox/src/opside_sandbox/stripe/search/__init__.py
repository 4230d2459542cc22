"""Search: a query language over an index that lags some seconds behind."""
