using BorgStore.Backends.Ssh;
using Renci.SshNet;
using Renci.SshNet.Common;

namespace BorgStore.Backends.SshNet;

/// <summary>The ways to log in: a password, a key file with or without a passphrase, or the keys of <c>~/.ssh</c>.</summary>
internal sealed class Authentication : IDisposable
{
    // The order of ssh.
    private static readonly string[] DefaultKeys = ["id_rsa", "id_ecdsa", "id_ed25519"];

    private readonly List<PrivateKeyFile> _keys = [];

    private Authentication()
    {
    }

    /// <summary>The methods, in the order in which they are tried.</summary>
    public List<AuthenticationMethod> Methods { get; } = [];

    /// <summary>Why the login failed, if this knows better than the server; <see langword="null"/> otherwise.</summary>
    public StoreException? Failure { get; private set; }

    /// <summary>Reads the keys that a login needs.</summary>
    /// <param name="login">The server and how to log in.</param>
    public static Authentication Create(SshLogin login)
    {
        var result = new Authentication();
        try
        {
            var user = login.User;
            if (login.KeyFile is { } file) result.AddKey(user, [result.ReadKey(file, login.Password)]);
            else if (login.Password is { } password) result.AddPassword(user, password);
            else result.AddDefaultKeys(user);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var method in Methods) (method as IDisposable)?.Dispose();
        foreach (var key in _keys) key.Dispose();
    }

    private void AddPassword(string user, string password)
    {
        Methods.Add(new PasswordAuthenticationMethod(user, password));
        // Some servers ask for the password as the only question. A second one is for something that we don't have.
        var interactive = new KeyboardInteractiveAuthenticationMethod(user);
        var isAnswered = false;
        interactive.AuthenticationPrompt += (_, e) =>
        {
            if (e.Prompts.Count == 0) return;
            if (isAnswered || e.Prompts.Count > 1 || e.Prompts[0].IsEchoed)
            {
                Failure ??= new(StoreError.AuthenticationFailed, "The server asks for more than a password. Log in with a key, or over the ssh program (?transport=ssh).");
                throw new SshAuthenticationException("The server asks for more than a password.");
            }
            isAnswered = true;
            e.Prompts[0].Response = password;
        };
        Methods.Add(interactive);
    }

    private void AddKey(string user, PrivateKeyFile[] keys) => Methods.Add(new PrivateKeyAuthenticationMethod(user, [.. keys.Cast<IPrivateKeySource>()]));

    private void AddDefaultKeys(string user)
    {
        var folder = UserFolder.Ssh;
        var found = DefaultKeys.Select(name => Path.Combine(folder, name)).Where(File.Exists).ToList();
        StoreException? failure = null;
        var keys = new List<PrivateKeyFile>();
        foreach (var file in found)
        {
            try
            {
                keys.Add(ReadKey(file, passphrase: null));
            }
            catch (StoreException e)
            {
                failure ??= e;
            }
        }
        if (keys.Count > 0) AddKey(user, [.. keys]);
        else throw failure ?? new StoreException(StoreError.AuthenticationFailed,
            $"There is no key to log in with: no {string.Join(", ", DefaultKeys)} in '{folder}'. Specify -Credential, or '?key=PATH' in the URL. An agent and ~/.ssh/config need the ssh program.");
    }

    private PrivateKeyFile ReadKey(string file, string? passphrase)
    {
        file = UserFolder.Expand(file);
        try
        {
            var key = string.IsNullOrEmpty(passphrase) ? new PrivateKeyFile(file) : new PrivateKeyFile(file, passphrase);
            _keys.Add(key);
            return key;
        }
        catch (SshPassPhraseNullOrEmptyException e)
        {
            throw Unusable($"The key '{file}' has a passphrase. Specify it as the password of -Credential, with '?key={file}' in the URL.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable($"The key '{file}' cannot be read. Check the path and its permissions.", e);
        }
        // The library throws many kinds for what it cannot decrypt or parse; none of their messages is shown, as it may quote the key.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw Unusable($"The key '{file}' cannot be used: it is not a private key, or the passphrase is wrong.", null);
        }
    }

    private static StoreException Unusable(string message, Exception? cause) => new(StoreError.AuthenticationFailed, message, innerException: cause);
}
