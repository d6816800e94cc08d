"""What is enough: gates, service levels, exceptions, and what counts. Pure: text and rows in, values out."""
