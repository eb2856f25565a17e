using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Access;

/// <summary>The logins of a server with users: by password, token or certificate.</summary>
internal sealed partial class UserLogins : ILoginCheck, IDisposable
{
    private readonly Func<PasswordFile?> _getPasswords;
    private readonly Func<Rights> _getRights;
    private readonly bool _needsBoth;
    private readonly ClientAddress _addresses;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly LoginThrottle _throttle;
    private readonly VerifiedPasswords _verified = new();

    // Verifying is slow on purpose, so attempts must not take all processors.
    private readonly SemaphoreSlim _verifying = new(Math.Max(1, Environment.ProcessorCount / 2));

    /// <summary>Creates the logins.</summary>
    /// <param name="getPasswords">Returns the current users, or <see langword="null"/> if none has a password.</param>
    /// <param name="getRights">Returns the current rights, which have the tokens.</param>
    /// <param name="needsBoth">Whether a client certificate is needed beside the password.</param>
    /// <param name="addresses">Finds the addresses of clients.</param>
    /// <param name="logger">The log.</param>
    /// <param name="time">The clock.</param>
    public UserLogins(Func<PasswordFile?> getPasswords, Func<Rights> getRights, bool needsBoth, ClientAddress addresses, ILogger logger, TimeProvider time)
    {
        (_getPasswords, _getRights, _needsBoth, _addresses, _logger, _time) = (getPasswords, getRights, needsBoth, addresses, logger, time);
        _throttle = new(time);
    }

    /// <inheritdoc/>
    public ValueTask<LoginResult> CheckAsync(HttpContext context)
    {
        // Its chain was checked when the connection began.
        var certified = context.Connection.ClientCertificate is { } certificate ? ClientCertificates.GetUser(certificate) : null;
        if (certified is not null && !_needsBoth) return new(new LoginResult(StatusCodes.Status200OK, certified));
        return BasicCredentials.GetHeader(context.Request) is not { } header ? new(LoginResult.Unauthorized)
            : ConnectionLogin.Find(context, header) is { } last && _getPasswords()?.FindHash(last.User) == last.Hash ? new(new LoginResult(StatusCodes.Status200OK, last.User))
            : new(CheckHeaderAsync(context, header, certified));
    }

    /// <inheritdoc/>
    public string? FindEntry(string user)
        => _getPasswords()?.FindHash(user)
            ?? (_getRights().Tokens.TryGetValue(user, out var account) && !(account.Token!.Expires <= _time.GetUtcNow()) ? account.Token!.Sha256 : null);

    public void Dispose() => _verifying.Dispose();

    private async Task<LoginResult> CheckHeaderAsync(HttpContext context, string header, string? certified)
    {
        if (BasicCredentials.Parse(header) is not ({ Length: > 0 } user, var password)) return LoginResult.Unauthorized;
        if (_needsBoth && user != certified)
        {
            LogRefused(user, _addresses.Get(context), "no certificate of this user");
            return LoginResult.Unauthorized;
        }
        if (AccessToken.IsSecret(password) && _getRights().Tokens.TryGetValue(user, out var account)) return await CheckTokenAsync(context, user, account.Token!, password);
        var hash = _getPasswords()?.FindHash(user);
        var result = await CheckPasswordAsync(context, user, password, hash);
        if (result.IsAllowed && hash is not null && !AccessToken.IsSecret(password)) ConnectionLogin.Remember(context, new(header, user, hash));
        return result;
    }

    private async Task<LoginResult> CheckTokenAsync(HttpContext context, string name, AccessToken token, string secret)
    {
        // A random secret can't be guessed, so a right one need not wait for the wrong ones of others.
        var isRight = token.Matches(secret);
        if (isRight && (token.Expires is null || token.Expires > _time.GetUtcNow())) return new(StatusCodes.Status200OK, name);
        var address = _addresses.Get(context);
        LogRefused(name, address, isRight ? "its token has expired" : "wrong token");
        if (!isRight) _throttle.Fail(address, name);
        return await WaitAsync(address, name, context.RequestAborted) ? LoginResult.Unauthorized : LoginResult.TooMany;
    }

    private async Task<LoginResult> CheckPasswordAsync(HttpContext context, string user, string password, string? hash)
    {
        var isTooMany = false;
        var isRight = await _verified.VerifyAsync(user, password, hash, async () =>
        {
            var address = _addresses.Get(context);
            // Other requests may wait for the same result, so it does not end with this one.
            if (!await WaitAsync(address, user, CancellationToken.None))
            {
                isTooMany = true;
                return false;
            }
            // The password of a user who does not exist is verified too, so that a refusal takes as long.
            var isVerified = (hash ?? _getPasswords()?.FindDecoy(user)) is { } verified && await VerifyAsync(password, verified) && hash is not null;
            if (isVerified)
            {
                _throttle.Succeed(user);
                return true;
            }
            _throttle.Fail(address, user);
            LogRefused(user, address, "wrong user or password");
            return false;
        });
        return isRight ? new(StatusCodes.Status200OK, user) : isTooMany ? LoginResult.TooMany : LoginResult.Unauthorized;
    }

    private async Task<bool> VerifyAsync(string password, string hash)
    {
        await _verifying.WaitAsync();
        try
        {
            return await Task.Run(() => PasswordHash.Verify(password, hash));
        }
        finally
        {
            _verifying.Release();
        }
    }

    // Returns false if there is no more room to wait.
    private async Task<bool> WaitAsync(string address, string user, CancellationToken cancellationToken)
    {
        if (_throttle.Reserve(address, user) is not { } delay) return false;
        if (delay > TimeSpan.Zero) await Task.Delay(delay, _time, cancellationToken);
        return true;
    }

    [LoggerMessage(LogLevel.Warning, "Login refused: user {User} from {Address}: {Reason}")]
    private partial void LogRefused(string user, string address, string reason);
}
