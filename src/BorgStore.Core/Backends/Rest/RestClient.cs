using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>Whether an operation may be done twice, after the answer to the first time was lost.</summary>
internal enum Repeat
{
    /// <summary>Twice is as good as once.</summary>
    Freely,

    /// <summary>The second time may find what the first one did; the answer says whether there was a first.</summary>
    Knowingly,

    /// <summary>Only what was never sent is sent again.</summary>
    Never,
}

/// <summary>Sends requests: again over a new connection where one was lost and that is safe, never longer than a stall may be.</summary>
/// <param name="transport">The connections.</param>
/// <param name="shownUrl">The store, for messages.</param>
internal sealed class RestClient(RestTransport transport, string shownUrl)
{
    private const string ExtensionsHeader = "X-BorgStore-Server";
    private volatile bool _wasAnswered;

    /// <summary>How long nothing may happen on the line before it is given up.</summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>The pauses before further attempts.</summary>
    public IReadOnlyList<TimeSpan> Pauses { get; set; } =
        [TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)];

    /// <summary>The pauses before further attempts at what the server mixed up, each more or less, so that several clients don't stay in step.</summary>
    public IReadOnlyList<TimeSpan> MixUpPauses { get; set; } = [.. Enumerable.Range(0, 8).Select(i => TimeSpan.FromMilliseconds(25 << i))];

    /// <summary>The extensions that the server has, by the number that its answers tell; 0 for none.</summary>
    public int Extensions { get; private set; }

    /// <summary>Sends a request and reads its answer.</summary>
    /// <param name="create">Makes the request, once for each attempt.</param>
    /// <param name="read">Reads the answer, as part of the attempt.</param>
    /// <param name="repeat">Whether the request may be sent again.</param>
    /// <param name="takesLong">Whether the answer may take longer than a stall.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<T> SendAsync<T>(Func<HttpRequestMessage> create, Func<RestAnswer, Task<T>> read,
        Repeat repeat, bool takesLong, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (transport.Slots is { } slots) await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var mayHaveHappened = false;
            for (int losses = 0, mixUps = 0; ;)
            {
                var (result, failure, outcome, wait) = await TryAsync(create, read, mayHaveHappened, mixUps > 0, takesLong, cancellationToken).ConfigureAwait(false);
                if (outcome == Outcome.Answered) return result!;
                mayHaveHappened |= outcome == Outcome.Lost;
                var pause = outcome == Outcome.MixedUp
                    ? mixUps < MixUpPauses.Count ? MixUpPauses[mixUps++] * (0.5 + Random.Shared.NextDouble()) : (TimeSpan?)null
                    : losses < Pauses.Count ? Pauses[losses++] : null;
                if (pause is null || (outcome is not (Outcome.NotSent or Outcome.NotReached) && repeat == Repeat.Never) || transport.IsHopeless) throw Explain(failure!);
                // One more attempt is enough for a server that was never there.
                if (!_wasAnswered && (transport.SshFailure is { WasTurnedAway: false } || (outcome == Outcome.NotReached && losses > 1))) throw Explain(failure!);
                // A server that speaks TLS ends a connection without it, however often.
                if (!_wasAnswered && outcome == Outcome.Lost && losses == 1 && transport.Server is { } server
                    && await HttpFailure.FindTlsAsync(server, cancellationToken).ConfigureAwait(false) is not null) throw Explain(failure!);
                await Task.Delay(wait > pause ? wait.Value : pause.Value, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            transport.Slots?.Release();
        }
    }

    private enum Outcome
    {
        Answered,
        NotSent,
        NotReached,
        Lost,
        TurnedAway,
        MixedUp,
    }

    private async Task<(T? Result, StoreException? Failure, Outcome Outcome, TimeSpan? Wait)> TryAsync<T>(Func<HttpRequestMessage> create,
        Func<RestAnswer, Task<T>> read, bool mayHaveHappened, bool wasMixedUp, bool takesLong, CancellationToken cancellationToken)
    {
        using var request = create();
        using var watch = new StallWatch(StallTimeout, cancellationToken);
        using var turn = transport.Turns?.Prepare();
        var upload = request.Content as ValueContent;
        // Only the end of an upload needs the turn: its source may take its time, and may itself be loaded from this server.
        if (upload is not null) (upload.Watch, upload.Turn) = (watch, turn);
        else if (turn is not null) await turn.TakeAsync(cancellationToken).ConfigureAwait(false);
        HttpResponseMessage? response = null;
        T? result = default;
        try
        {
            if (!takesLong) watch.Start();
            response = await SendAsync(request, watch, takesLong).ConfigureAwait(false);
            _wasAnswered = true;
            watch.Start();
            if (RestErrors.IsFromBetween(response))
            {
                // A request that was turned away was not executed.
                var outcome = response.StatusCode == HttpStatusCode.TooManyRequests ? Outcome.TurnedAway : Outcome.Lost;
                return (default, await RestErrors.ReadAsync(response, null, watch.Token).ConfigureAwait(false), outcome, RetryAfter.Find(response));
            }
            if (transport.Turns is { } turns && RestErrors.IsMixUp(response))
            {
                turns.Begin();
                return (default, await RestErrors.ReadAsync(response, null, watch.Token).ConfigureAwait(false), Outcome.MixedUp, null);
            }
            NoticeServer(response);
            result = await ReadAsync(read, new(response, mayHaveHappened, wasMixedUp, watch.Token)).ConfigureAwait(false);
            return (result, null, Outcome.Answered, null);
        }
        catch (Exception) when (upload?.SourceFailure is not null)
        {
            // What the value's own stream threw is nobody else's failure.
            upload.SourceFailure.Throw();
            throw;
        }
        catch (OperationCanceledException e) when (!watch.Token.IsCancellationRequested && HttpFailure.IsConnectTimeout(e))
        {
            return (default, Lost(e), Outcome.NotReached, null);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            return (default, new(StoreError.Timeout,
                $"The REST server at '{shownUrl}' was silent for {StallTimeout.TotalSeconds:0} s.{transport.ChildErrors}", shownUrl, e), Outcome.Lost, null);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException
            || (!_wasAnswered && (HttpFailure.IsRefused(e) || e.HttpRequestError == HttpRequestError.ProxyTunnelError)))
        {
            // Only a server that has answered before is waited for: it may be starting again.
            throw Lost(e);
        }
        catch (HttpRequestException e) when (e.InnerException is StoreException { } inner)
        {
            // A program that is missing now will not be there in a second either.
            return inner.Error == StoreError.NotSupported ? throw inner : (default, inner, Outcome.NotSent, null);
        }
        catch (Exception e) when (IsNoHttp(e))
        {
            throw Lost(e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            var wasSent = e is not HttpRequestException
            {
                HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError
            };
            return (default, Lost(e), wasSent ? Outcome.Lost : Outcome.NotSent, null);
        }
        finally
        {
            // A value that is still coming in brings its answer to an end itself.
            if (result is not RestValueStream) response?.Dispose();
        }
    }

    // An answer that takes long is waited for as long as the server shows that it is alive: on another connection, for this one is silent.
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, StallWatch watch, bool takesLong)
    {
        var answering = transport.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, watch.Token);
        while (takesLong && transport.CanAskForLife && await Task.WhenAny(answering, Task.Delay(StallTimeout, watch.Token)).ConfigureAwait(false) != answering)
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
            return !RestErrors.IsFromBetween(answer) && answer.StatusCode != HttpStatusCode.GatewayTimeout;
        }
        catch (OperationCanceledException)
        {
            return !watch.HasStalled;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            // A server that takes no more connections is about to end, and then so does the one that waits; or it has enough of them.
            return true;
        }
    }

    // Whatever stands before a server of ours passes its mark on. A page that says "not found" would be taken for the absence of an item.
    private void NoticeServer(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues(ExtensionsHeader, out var values) && int.TryParse(values.First(), out var number) && number > 0)
            Extensions = number;
        else if (Extensions > 0 && (response.IsSuccessStatusCode || response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone))
            throw RestErrors.Wrong($"{(int)response.StatusCode} without the mark that its answers had before");
    }

    // Nothing but the answer is read here, so whatever else goes wrong is the answer's fault.
    private static async Task<T> ReadAsync<T>(Func<RestAnswer, Task<T>> read, RestAnswer answer)
    {
        try
        {
            return await read(answer).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (StoreException or OperationCanceledException or HttpRequestException or IOException or SocketException or ObjectDisposedException))
        {
            throw RestErrors.Wrong("its answer cannot be read", e);
        }
    }

    private static bool IsNoHttp(Exception e)
        => (e as HttpRequestException)?.HttpRequestError is HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded
            || (e as HttpIOException)?.HttpRequestError is HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded;

    // Why ssh gave up is known a moment after its connection is lost.
    private StoreException Explain(StoreException failure)
        => failure.Error == StoreError.ConnectionLost ? WhatSshSaid(failure) ?? failure : failure;

    private StoreException? WhatSshSaid(Exception cause)
        => transport.SshFailure is { } ssh ? new(ssh.Error, ssh.Message, shownUrl, cause) : null;

    /// <summary>What to throw for a connection that broke.</summary>
    /// <param name="cause">How it did.</param>
    public StoreException Lost(Exception cause)
    {
        if (WhatSshSaid(cause) is { } said) return said;
        if (IsNoHttp(cause)) return RestErrors.Wrong($"{ServerText.Clean(cause.Message).TrimEnd('.')}.{transport.ChildErrors}", cause);
        return StoreException.While(StoreError.ConnectionLost, $"reach the REST server at '{shownUrl}'", shownUrl,
            $"{HttpFailure.Describe(cause, transport.Server, RestTransport.AuthorityVariable)}{transport.ChildErrors}", cause);
    }
}
