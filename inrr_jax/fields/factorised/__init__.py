"""Fields that are sums of products of functions of one coordinate each, or products of matrices."""
