using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>Something that all requests together may hold so much of, such as memory.</summary>
/// <param name="most">How much.</param>
/// <param name="free">How much one request may hold beside that, so that small ones always pass.</param>
/// <param name="what">What it is, as the end of "The server holds too many …".</param>
internal sealed class SharedLimit(long most, long free, string what)
{
    private long _held;

    /// <summary>Begins what one request holds.</summary>
    public Holding Begin() => new(this);

    /// <summary>What one request holds, until its disposal.</summary>
    internal sealed class Holding(SharedLimit limit) : IDisposable
    {
        private long _all;
        private long _counted;

        /// <summary>Takes more.</summary>
        /// <exception cref="BadHttpRequestException">503, if all requests together hold too much. The client may try again.</exception>
        public void Take(long amount)
        {
            _all += amount;
            var more = Math.Max(0, _all - limit.Free) - _counted;
            if (more == 0) return;
            _counted += more;
            if (Interlocked.Add(ref limit._held, more) > limit.Most)
                throw new BadHttpRequestException($"The server holds too many {limit.What}. Try again in a while.", StatusCodes.Status503ServiceUnavailable);
        }

        public void Dispose()
        {
            Interlocked.Add(ref limit._held, -_counted);
            _counted = 0;
        }
    }

    private long Most => most;

    private long Free => free;

    private string What => what;
}
