"""What every room uses: argument checks, files written whole, fitted data as artifacts, workers, one BLAS thread."""
