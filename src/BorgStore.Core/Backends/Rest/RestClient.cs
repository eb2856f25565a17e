using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using BorgStore.Backends.Http;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.Rest;

/// <summary>Whether an operation may be repeated after its response was lost.</summary>
internal enum RetrySafety
{
    /// <summary>The operation is idempotent.</summary>
    Idempotent,

    /// <summary>The repetition may encounter the effect of the first attempt; the response is evaluated with that in mind.</summary>
    ChecksEarlierAttempt,

    /// <summary>Only a request that was not sent may be repeated.</summary>
    OnlyIfNotSent,
}

/// <summary>Sends requests. Retries over a new connection if one was lost and a repetition is safe, and gives up on stalled connections.</summary>
/// <param name="transport">The connections.</param>
/// <param name="displayUrl">The store's URL for messages.</param>
internal sealed class RestClient(RestTransport transport, string displayUrl)
{
    private const string ExtensionsHeader = "X-BorgStore-Server";
    private volatile bool _hasResponded;

    /// <summary>The longest time without activity on a connection.</summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>When to retry after a lost connection: for six seconds, in which a server restarts.</summary>
    public RetrySchedule Retry { get; set; } = new(6, TimeSpan.FromSeconds(0.1));

    /// <summary>When to retry requests that the server mixed up.</summary>
    public RetrySchedule MixUpRetry { get; set; } = new(8, TimeSpan.FromMilliseconds(25));

    /// <summary>Called when a request is repeated.</summary>
    public Action<StoreRetry>? Retried { get; init; }

    /// <summary>The number of the server's extensions, as announced in its responses; 0 for none.</summary>
    public int Extensions { get; private set; }

    /// <summary>Sends a request and reads its response.</summary>
    /// <param name="create">Creates the request, once for each attempt.</param>
    /// <param name="read">Reads the response, as part of the attempt.</param>
    /// <param name="retrySafety">Whether the request may be repeated.</param>
    /// <param name="isLongRunning">Whether the response may take longer than the stall timeout.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<T> SendAsync<T>(Func<HttpRequestMessage> create, Func<RestResponse, Task<T>> read,
        RetrySafety retrySafety, bool isLongRunning, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (transport.Slots is { } slots) await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var mayHaveHappened = false;
            Uri? target = null;
            for (int losses = 0, mixUps = 0; ;)
            {
                var (result, failure, outcome, wait) = await TryAsync(Create, read, mayHaveHappened, mixUps > 0, isLongRunning, cancellationToken).ConfigureAwait(false);
                if (outcome == Outcome.Completed) return result!;
                mayHaveHappened |= outcome == Outcome.Lost;
                var pause = outcome == Outcome.MixedUp ? MixUpRetry.GetPause(mixUps++) : Retry.GetPause(losses++);
                if (pause is null || (outcome is not (Outcome.NotSent or Outcome.NotReached) && retrySafety == RetrySafety.OnlyIfNotSent) || transport.IsUnrecoverable) throw Explain(failure!);
                // A server that never answered gets only one more attempt.
                if (!_hasResponded && (transport.SshFailure is { WasRejected: false } || (outcome == Outcome.NotReached && losses > 1))) throw Explain(failure!);
                // A server that expects TLS closes every connection without it.
                if (!_hasResponded && outcome == Outcome.Lost && losses == 1 && transport.Server is { } server
                    && await HttpFailure.DetectTlsAsync(server, cancellationToken).ConfigureAwait(false) is not null) throw Explain(failure!);
                Retried?.Invoke(new(target is null ? null : transport.FindName(target), losses + mixUps + 1, failure!.Message));
                await Task.Delay(wait > pause ? wait.Value : pause.Value, cancellationToken).ConfigureAwait(false);
            }

            HttpRequestMessage Create()
            {
                var request = create();
                target = request.RequestUri;
                return request;
            }
        }
        finally
        {
            transport.Slots?.Release();
        }
    }

    private enum Outcome
    {
        Completed,
        NotSent,
        NotReached,
        Lost,
        Throttled,
        MixedUp,
    }

    private async Task<(T? Result, StoreException? Failure, Outcome Outcome, TimeSpan? Wait)> TryAsync<T>(Func<HttpRequestMessage> create,
        Func<RestResponse, Task<T>> read, bool mayHaveHappened, bool wasMixedUp, bool isLongRunning, CancellationToken cancellationToken)
    {
        using var request = create();
        using var watch = new StallWatch(StallTimeout, cancellationToken);
        using var lease = transport.RequestLock?.CreateLease();
        var upload = request.Content as ValueContent;
        // Only the last bytes of an upload need the turn: its source may be slow, and may itself be loaded from this server.
        if (upload is not null) (upload.Watch, upload.Lease) = (watch, lease);
        else if (lease is not null) await lease.AcquireAsync(cancellationToken).ConfigureAwait(false);
        HttpResponseMessage? response = null;
        T? result = default;
        try
        {
            if (!isLongRunning) watch.Start();
            response = await SendAsync(request, watch, isLongRunning).ConfigureAwait(false);
            _hasResponded = true;
            watch.Start();
            if (RestErrors.IsFromProxy(response))
            {
                // A request refused with 429 was not executed.
                var outcome = response.StatusCode == HttpStatusCode.TooManyRequests ? Outcome.Throttled : Outcome.Lost;
                return (default, await RestErrors.ReadAsync(response, null, watch.Token).ConfigureAwait(false), outcome, RetryAfter.Find(response));
            }
            if (transport.RequestLock is { } requestLock && RestErrors.IsMixUp(response))
            {
                requestLock.Enable();
                return (default, await RestErrors.ReadAsync(response, null, watch.Token).ConfigureAwait(false), Outcome.MixedUp, null);
            }
            UpdateExtensions(response);
            result = await ReadAsync(read, new(response, mayHaveHappened, wasMixedUp, watch.Token)).ConfigureAwait(false);
            return (result, null, Outcome.Completed, null);
        }
        catch (Exception) when (upload?.SourceFailure is not null)
        {
            // An exception of the value's own stream is passed on unchanged.
            upload.SourceFailure.Throw();
            throw;
        }
        catch (OperationCanceledException e) when (!watch.Token.IsCancellationRequested && HttpFailure.IsConnectTimeout(e))
        {
            return (default, CreateLostException(e), Outcome.NotReached, null);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            return (default, new(StoreError.Timeout,
                $"The REST server at '{displayUrl}' did not respond for {StallTimeout.TotalSeconds:0} s.{transport.ChildErrors}", displayUrl, e), Outcome.Lost, null);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException
            || (!_hasResponded && (HttpFailure.IsConnectionRefused(e) || e.HttpRequestError == HttpRequestError.ProxyTunnelError)))
        {
            // Only a server that has answered before is retried: it may be restarting.
            throw CreateLostException(e);
        }
        catch (HttpRequestException e) when (e.InnerException is StoreException { } inner)
        {
            // A missing program will not appear within seconds.
            return inner.Error == StoreError.NotSupported ? throw inner : (default, inner, Outcome.NotSent, null);
        }
        catch (Exception e) when (IsNoHttp(e))
        {
            throw CreateLostException(e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            var wasSent = e is not HttpRequestException
            {
                HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError
            };
            return (default, CreateLostException(e), wasSent ? Outcome.Lost : Outcome.NotSent, null);
        }
        finally
        {
            // A value that is still being received disposes its response itself.
            if (result is not RestValueStream) response?.Dispose();
        }
    }

    // A slow response is awaited as long as the server responds to a ping, which needs another connection.
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, StallWatch watch, bool isLongRunning)
    {
        var answering = transport.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, watch.Token);
        while (isLongRunning && transport.CanPing && await Task.WhenAny(answering, Task.Delay(StallTimeout, watch.Token)).ConfigureAwait(false) != answering)
        {
            if (watch.Token.IsCancellationRequested) break;
            if (!await IsAliveAsync(watch.Token).ConfigureAwait(false)) watch.Stall();
        }
        return await answering.ConfigureAwait(false);
    }

    private async Task<bool> IsAliveAsync(CancellationToken cancellationToken)
    {
        using var watch = new StallWatch(StallTimeout, cancellationToken);
        watch.Start();
        try
        {
            using var request = transport.CreateHealthRequest();
            using var answer = await transport.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, watch.Token).ConfigureAwait(false);
            return !RestErrors.IsFromProxy(answer) && answer.StatusCode != HttpStatusCode.GatewayTimeout;
        }
        catch (OperationCanceledException)
        {
            return !watch.HasStalled;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            // A server that refuses connections is about to end, which also ends the waiting request; or it has too many connections.
            return true;
        }
    }

    // Proxies pass on our server's mark. A proxy's own "not found" page must not be taken for the absence of an item.
    private void UpdateExtensions(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues(ExtensionsHeader, out var values) && int.TryParse(values.First(), out var number) && number > 0)
            Extensions = number;
        else if (Extensions > 0 && (response.IsSuccessStatusCode || response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone))
            throw RestErrors.InvalidResponse($"its status is {(int)response.StatusCode}, but it lacks the header that its earlier responses had");
    }

    // Only the response is processed here, so any other exception means that it is malformed.
    private static async Task<T> ReadAsync<T>(Func<RestResponse, Task<T>> read, RestResponse answer)
    {
        try
        {
            return await read(answer).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (StoreException or OperationCanceledException or HttpRequestException or IOException or SocketException or ObjectDisposedException))
        {
            throw RestErrors.InvalidResponse("it cannot be parsed", e);
        }
    }

    private static bool IsNoHttp(Exception e)
        => (e as HttpRequestException)?.HttpRequestError is HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded
            || (e as HttpIOException)?.HttpRequestError is HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded;

    // The reason of ssh becomes known shortly after its connection is lost.
    private StoreException Explain(StoreException failure)
        => failure.Error == StoreError.ConnectionLost ? CreateSshException(failure) ?? failure : failure;

    private StoreException? CreateSshException(Exception cause)
        => transport.SshFailure is { } ssh ? new(ssh.Error, ssh.Message, displayUrl, cause) : null;

    /// <summary>Returns the exception for a lost connection.</summary>
    /// <param name="cause">The exception that showed it.</param>
    public StoreException CreateLostException(Exception cause)
    {
        if (CreateSshException(cause) is { } said) return said;
        if (IsNoHttp(cause)) return RestErrors.InvalidResponse($"{ServerText.Clean(cause.Message).TrimEnd('.')}.{transport.ChildErrors}", cause);
        return new(StoreError.ConnectionLost, $"{HttpFailure.Describe(cause, transport.Server, RestTransport.AuthorityVariable)}{transport.ChildErrors}", displayUrl, cause);
    }
}
