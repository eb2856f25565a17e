using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>A limit on a resource, such as memory, that all requests share.</summary>
/// <param name="max">The maximum amount.</param>
/// <param name="free">The amount that each request may hold without being counted, so that small ones always succeed.</param>
/// <param name="what">The name of the resource, to complete "The server holds too many …".</param>
internal sealed class SharedLimit(long max, long free, string what)
{
    private long _held;

    /// <summary>Creates the holding of a request.</summary>
    public Lease Begin() => new(this);

    /// <summary>The amount that one request holds, until it is disposed.</summary>
    internal sealed class Lease(SharedLimit limit) : IDisposable
    {
        private long _all;
        private long _counted;

        /// <summary>Adds an amount.</summary>
        /// <exception cref="BadHttpRequestException">503, if all requests together exceed the limit. The client may try again.</exception>
        public void Take(long amount)
        {
            _all += amount;
            var more = Math.Max(0, _all - limit.Free) - _counted;
            if (more == 0) return;
            _counted += more;
            if (Interlocked.Add(ref limit._held, more) > limit.Max)
                throw new BadHttpRequestException($"The server holds too many {limit.What}. Try again in a while.", StatusCodes.Status503ServiceUnavailable);
        }

        public void Dispose()
        {
            Interlocked.Add(ref limit._held, -_counted);
            _counted = 0;
        }
    }

    private long Max => max;

    private long Free => free;

    private string What => what;
}
